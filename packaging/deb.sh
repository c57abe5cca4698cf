#!/bin/sh
# deb.sh VERSION ARCHITECTURE: what `make install` has put into build/deb/debian/goop becomes build/goop_VERSION_ARCHITECTURE.deb.
# Needs dpkg-dev, which comes with build-essential.
set -eu
cd "$(dirname "$0")/.."
version=$1 architecture=$2
work=build/deb tree=build/deb/debian/goop doc=build/deb/debian/goop/usr/share/doc/goop
said=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
[ "$said" = "$version" ] || {
	echo "packaging/debian/changelog is of version $said, this is $version" >&2
	exit 1
}

programs="$tree/usr/bin/goop-supervisor $(echo "$tree"/usr/libexec/goop/svc-*)"
# shellcheck disable=SC2086
strip --strip-unneeded --remove-section=.comment --remove-section=.note $programs
install -d "$doc/examples"
mv "$tree"/usr/share/goop/* "$doc/examples/"
rmdir "$tree/usr/share/goop"
install -m 644 README.md docs/CONTRACT.md docs/RENDEZVOUS.md docs/THREATS.md packaging/debian/copyright "$doc/"
install -m 644 packaging/debian/changelog "$doc/changelog"
gzip -9n "$doc/changelog" "$tree"/usr/share/man/man*/*

install -d "$tree/DEBIAN"
# The libraries that they are linked with, in the versions that these need.
cp packaging/debian/control "$work/debian/"
# shellcheck disable=SC2086
libraries=$(cd "$work" && dpkg-shlibdeps -O $(echo "$programs" | sed "s|$work/||g") | sed 's/^shlibs:Depends=//')
sed -n '/^Package:/,$p' packaging/debian/control | sed "s|\${shlibs:Depends}|$libraries|
s|^Architecture: .*|Architecture: $architecture\\
Version: $version\\
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f 1)\\
$(grep '^Maintainer:' packaging/debian/control)|" >"$tree/DEBIAN/control"
install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$tree/DEBIAN/"
(cd "$tree" && find usr -type f -exec md5sum {} +) | sort -k 2 >"$tree/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$tree" "build/goop_${version}_$architecture.deb" >/dev/null
echo "build/goop_${version}_$architecture.deb"
