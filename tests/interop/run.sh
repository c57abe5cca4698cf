#!/bin/sh
# run.sh: js-libp2p on one host, the peer on another, in both dial directions.
. "$(dirname "$0")/../system/lib.sh"

node=$(tests/node.sh)
cd tests/interop
[ -d node_modules/libp2p ] || npm ci --no-audit --no-fund --loglevel=error
cd "$root"

export GOOP="$goop" GOOP_IP=10.77.0.1 JS_IP=10.77.0.2
lan 2
failures=0
for test in js_dials goop_dials; do
	story "$test"
	peer 1 "$test" '{"profile":{"label":"goop"}}'
	printf hello >"$scratch/$test/site/index.html"
	head -c 67108864 /dev/urandom >"$scratch/$test/site/big.bin"
	start "$test"
	export GOOP_DIR="$scratch/$test" GOOP_NET="$net-1"
	(cd tests/interop && on 2 timeout 240 "$node" --import ./polyfill.js --test "$test.test.js") ||
		fail "$test"
	"$goop" stop "$scratch/$test" >/dev/null 2>&1 || true
done
finish
