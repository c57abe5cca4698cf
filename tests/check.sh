#!/bin/sh
# check.sh: what a reader should be able to rely on without reading. Arrows between rooms, dangerous headers in
# one place each, documents that name every room, format, clang-tidy, cppcheck.
set -u
cd "$(dirname "$0")/.."
passed=0 failed=0

verdict() { # name, complaints
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok    check $1"
	else
		failed=$((failed + 1))
		echo "$2" | head -n 60
		echo "FAIL  check $1"
	fi
}

# Without git: what has been unpacked from an archive can be checked, too.
files() { find "$@" \( -name build -o -name node_modules -o -name .git \) -prune -o -name '*.[ch]' -print | sed 's|^\./||' | sort; }
sources() { files "$@" | grep -v '^tests/'; }

# The rooms that a file of the room $1 may include, as a pattern.
allowed() {
	case $1 in
	base) echo 'base' ;;
	codec) echo 'base|codec' ;;
	http) echo 'base|http' ;;
	proto) echo 'base|codec|proto' ;;
	supervisor) echo 'base|codec|proto|supervisor' ;;
	svc-viewer | svc-rendezvous) echo "base|codec|http|proto|$1" ;;
	*) echo "base|codec|proto|$1" ;;
	esac
}

arrows() {
	for room in base codec http proto supervisor svc-transport svc-discovery svc-rendezvous svc-viewer svc-db; do
		for file in $(sources "$room"); do
			grep -nE '#include "[a-z-]+/' "$file" | grep -vE "#include \"($(allowed $room))/" | sed "s|^|$file:|"
		done
	done
	grep -rn '"proto/link.h"\|"proto/stream.h"\|"proto/service.h"' supervisor && echo "the supervisor uses no bus"
}

# only HEADER FILE...: nothing else includes it.
only() {
	header=$1
	shift
	pattern=$(echo "$@" | tr ' ' '|')
	for file in $(sources .); do
		echo "$file" | grep -qxE "$pattern" || grep -nE "#include [<\"]$header[>\"]" "$file" | sed "s|^|$file:|"
	done
}

dangerous() {
	only 'zmq\.h' proto/link.c
	only 'czmq\.h' tests/service/test_bus.c
	only 'uv\.h' base/loop.c
	only 'sqlite3\.h' 'svc-db/store[a-z_]*\.[ch]' 'svc-rendezvous/peer_db\.c'
	only 'microhttpd\.h' 'http/.*'
	only 'curl/curl\.h' 'svc-discovery/curl_late\.h'
	only 'svc-discovery/curl_late\.h' 'svc-discovery/(curl_late|hop)\.c' 'svc-discovery/transfer_private\.h'
	only 'svc-discovery/transfer_private\.h' 'svc-discovery/transfer[a-z_]*\.c'
	only 'ldns/ldns\.h' svc-discovery/mdns.c 'svc-discovery/mdns_[a-z]+\.c'
	only 'cjson/cJSON\.h' codec/json.h
	only 'openssl/.*' svc-transport/record.c codec/pubkey.c
	only 'qrencode\.h' svc-rendezvous/qr.c
	only 'seccomp\.h' base/sandbox_seccomp.c base/sandbox_trap.c
	only 'linux/landlock\.h' base/sandbox_landlock.c
}

documents() {
	for room in base codec http proto supervisor svc-transport svc-discovery svc-rendezvous svc-viewer svc-db tests docs packaging; do
		grep -q "\`$room/\`" README.md || echo "README.md does not name $room/"
	done
	for service in svc-transport svc-discovery svc-rendezvous svc-viewer svc-db; do
		grep -q "$service" ARCHITECTURE.md || echo "ARCHITECTURE.md does not name $service"
	done
	make -s build/tool/make_protocol >/dev/null && build/tool/make_protocol | diff -u docs/PROTOCOL.md - ||
		echo "docs/PROTOCOL.md is old: make docs"
}

format() {
	files . | xargs -P 2 -n 20 clang-format --dry-run -Werror 2>&1 | sed -n 's/^\([^ :]*\):.*error:.*/\1: not as .clang-format wants it/p' | sort -u
}

# What is switched off either asks for another style or is wrong about C (va_start, TAILQ with free: the
# sanitizer run looks for those).
tidy_checks='-*,clang-analyzer-*,bugprone-*,misc-redundant-expression'
for check in clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling clang-analyzer-valist.Uninitialized \
	clang-analyzer-core.NonNullParamChecker clang-analyzer-unix.Malloc bugprone-easily-swappable-parameters bugprone-reserved-identifier \
	bugprone-narrowing-conversions bugprone-assignment-in-if-condition bugprone-branch-clone \
	bugprone-implicit-widening-of-multiplication-result bugprone-macro-parentheses \
	bugprone-not-null-terminated-result bugprone-sizeof-expression; do
	tidy_checks="$tidy_checks,-$check"
done
tidy() {
	sources . | grep '\.c$' | xargs -P 2 -n 6 sh -c '
		checks=$1 && shift
		clang-tidy -quiet -checks="$checks" "$@" -- -std=gnu11 -D_GNU_SOURCE "-DGOOP_VERSION=\"0\"" -I. -Ibuild/gen' \
		tidy "$tidy_checks" 2>/dev/null | grep -E 'warning:|error:'
}

cpp() {
	# shellcheck disable=SC2086
	cppcheck -q -j 2 --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=0 \
		--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=internalAstError --suppress=nullPointerRedundantCheck \
		--suppress='*:build/gen/*' --include=/usr/include/x86_64-linux-gnu/sys/queue.h \
		-DPROTOBUF_C_VERSION_NUMBER=9999999 -DPROTOBUF_C_MIN_COMPILER_VERSION=0 -D_GNU_SOURCE -I. -Ibuild/gen \
		base codec http proto supervisor svc-* 2>&1 | grep -E 'error|warning|portability'
}

make -s build/obj/base/buf.o || exit 1
verdict arrows "$(arrows 2>&1)"
verdict "dangerous headers" "$(dangerous 2>&1)"
verdict documents "$(documents 2>&1)"
verdict format "$(format)"
verdict cppcheck "$(cpp)"
verdict clang-tidy "$(tidy)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
