#!/bin/sh
# run.sh KIND PROGRAM...: runs each test program, prints what failed in full, ends with one line of counts.
kind=$1
shift
export BUILD="${BUILD:-build}"
passed=0 failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
for program in "$@"; do
	log=$logs/$(basename "$program").log
	if timeout "${TEST_TIMEOUT:-300}" "$program" >"$log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok    %s %s\n' "$kind" "$program"
		grep -E '^\[  PASSED  \]|^ *[0-9]+ passed' "$log" | tail -n 1
	else
		status=$?
		failed=$((failed + 1))
		tail -n "${TEST_TAIL:-200}" "$log"
		printf 'FAIL  %s %s (status %s)\n' "$kind" "$program" "$status"
	fi
done
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
