#!/bin/sh
# all.sh: every test there is, in the order in which a failure says most. Ends with one line of counts.
cd "$(dirname "$0")/.."
passed=0 failed=0 broken=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

part() { # title, command...
	title=$1
	shift
	began=$(date +%s)
	echo "=== $title"
	"$@" 2>&1 | tee "$log"
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
	if [ -z "$counts" ]; then counts="0 passed, 1 failed"; fi
	passed=$((passed + ${counts%% *}))
	bad=$(echo "$counts" | sed 's/.*, \([0-9]*\) failed/\1/')
	failed=$((failed + bad))
	[ "$bad" -eq 0 ] || broken="$broken [$title]"
	echo "=== $title took $(($(date +%s) - began)) s"
}

jobs=$(nproc)
part build sh -c "make -s -j$jobs all && echo '1 passed, 0 failed'"
part "unit tests" make -s -j"$jobs" unit
part "service tests" make -s -j"$jobs" service
part "system tests" make -s system
part "interop tests" make -s interop
part "browser tests" make -s browser
part "unit tests, sanitized" make -s -j"$jobs" SAN=1 unit
part "service tests, sanitized" make -s -j"$jobs" SAN=1 service
part "checks" make -s check
[ -z "$broken" ] || echo "failed:$broken"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
