#!/bin/sh
# run.sh: two hosts; Chromium sits at alice's.
. "$(dirname "$0")/../system/lib.sh"

node=$(tests/node.sh)
cd tests/browser
[ -d node_modules/playwright-core ] || npm ci --no-audit --no-fund --loglevel=error
cd "$root"

lan 2
peer 1 alice '{"profile":{"label":"alice"}}'
peer 2 bob '{"profile":{"label":"bob"}}'
for name in alice bob; do
	rm -rf "$scratch/$name/site"
	cp -r "packaging/demo/$name" "$scratch/$name/site"
	cp packaging/demo/guestbook.js "$scratch/$name/site/"
done
start alice
export GOOP="$goop" ALICE="$scratch/alice" BOB="$scratch/bob" BOB_NET="$net-2" SHOTS="${SHOTS:-$root/build/screenshots}"
story "a person visits with Chromium"
(cd tests/browser && on 1 timeout 240 "$node" --test visit.test.js) || fail "the browser test"
finish
