#!/bin/sh
# run.sh TARGET...: libFuzzer on each for FUZZ_SECONDS (60), from its saved corpus; new inputs go to
# build/fuzz/corpus, what breaks a target stays in build/fuzz/crash-*.
cd "$(dirname "$0")/../.."
passed=0 failed=0
for target in "$@"; do
	name=${target#fuzz_}
	mkdir -p "build/fuzz/corpus/$name"
	if "build/fuzz/test/fuzz/$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="build/fuzz/crash-$name-" -print_final_stats=0 -verbosity=0 \
		"build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok    fuzz $name"
	else
		failed=$((failed + 1))
		tail -n 40 "build/fuzz/$name.log"
		echo "FAIL  fuzz $name"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
