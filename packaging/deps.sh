#!/bin/sh
# deps.sh build|test...: installs the Debian packages that are missing, as root or through sudo;
# otherwise prints the one command to run.
set -eu

build="build-essential pkg-config libuv1-dev libzmq3-dev libczmq-dev libsodium-dev libssl-dev
libprotobuf-c-dev protobuf-c-compiler libcjson-dev libmicrohttpd-dev libldns-dev libsqlite3-dev libqrencode-dev
libcurl4-openssl-dev libseccomp-dev curl"
test="libcmocka-dev clang clang-format clang-tidy cppcheck libclang-rt-14-dev iproute2 curl wget
nginx-light caddy openssl chromium nodejs netcat-openbsd sqlite3 procps jq python3-minimal avahi-daemon systemd"

wanted=
for kind in "$@"; do
	case $kind in
	build) wanted="$wanted $build" ;;
	test)
		wanted="$wanted $test"
		# npm comes with Node.js itself, except in Debian's packages.
		command -v npm >/dev/null 2>&1 || wanted="$wanted npm"
		;;
	bench)
		wanted="$wanted nginx-light libnginx-mod-nchan"
		command -v go >/dev/null 2>&1 || wanted="$wanted golang-go"
		;;
	*)
		echo "usage: deps.sh build|test|bench..." >&2
		exit 2
		;;
	esac
done
if command -v node >/dev/null 2>&1; then
	wanted=$(echo "$wanted" | sed 's/ *nodejs//')
fi

missing=
for package in $wanted; do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	as=sudo
else
	echo "Missing packages. Run this once, then again what you just ran:" >&2
	echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as apt-get update -qq
# shellcheck disable=SC2086
$as apt-get install -y -qq --no-install-recommends $missing >/dev/null
