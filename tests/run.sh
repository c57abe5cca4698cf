#!/bin/sh
# run.sh KIND PROGRAM...: runs each test program, JOBS (1) at a time, prints what failed in full, then which took
# longest, and ends with one line of counts.
export BUILD="${BUILD:-build}"

one() { # kind folder program
	log=$2/$(echo "$3" | tr / -).log
	began=$(date +%s)
	if timeout "${TEST_TIMEOUT:-450}" "$3" >"$log" 2>&1; then
		printf 'ok    %s %s\n' "$1" "$3" >"$log.said"
		grep -E '^\[  PASSED  \]|^ *[0-9]+ passed' "$log" | tail -n 1 >>"$log.said"
		echo passed >>"$2/verdicts"
	else
		status=$?
		tail -n "${TEST_TAIL:-200}" "$log" >"$log.said"
		printf 'FAIL  %s %s (status %s)\n' "$1" "$3" "$status" >>"$log.said"
		echo failed >>"$2/verdicts"
	fi
	echo "$(($(date +%s) - began)) s $(basename "$3")" >>"$2/seconds"
	# What two of them say is not mixed.
	flock "$2" cat "$log.said"
}

if [ "$1" = --one ]; then
	shift
	one "$@"
	exit 0
fi
kind=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
touch "$folder/verdicts" "$folder/seconds"
[ $# -eq 0 ] || printf '%s\n' "$@" | xargs -P "${JOBS:-1}" -n 1 "$0" --one "$kind" "$folder"
passed=$(grep -c passed "$folder/verdicts")
failed=$(($# - passed))
echo "longest: $(sort -rn "$folder/seconds" | head -n 5 | paste -sd ';' | sed 's/;/, /g')"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
