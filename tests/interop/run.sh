#!/bin/sh
# run.sh [WORD]: js-libp2p on one host, the peer on another, in both dial directions; then rendezvous, with ours
# and with others' on the server's side. With a word only the tests that have it in their name.
. "$(dirname "$0")/../system/lib.sh"

node=$(tests/node.sh)
cd tests/interop
[ -d node_modules/libp2p ] && [ -d node_modules/eventsource ] || npm ci --no-audit --no-fund --loglevel=error
cd "$root"

export GOOP="$goop" GOOP_IP=10.77.0.1 JS_IP=10.77.0.2
lan 2
wanted() { case $1 in *"${word:-}"*) ;; *) return 1 ;; esac; }
word=${1:-}
for test in js_dials goop_dials; do
	wanted "$test" || continue
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

rendezvous() { # test folder
	wanted "$1" || return 0
	story "$1"
	start "$2"
	export GOOP_DIR="$scratch/$2" GOOP_NET="$net-1"
	(cd tests/interop && on 2 timeout 120 "$node" --import ./polyfill.js --test "$1.test.js") || fail "$1"
	"$goop" stop "$scratch/$2" >/dev/null 2>&1 || true
}
server 1 meet '{"presence":{"rendezvous_host":true,"rendezvous_only":true,"peer_db_path":"peers.db"}}'
rendezvous rendezvous_clients meet
server 1 crowd '{"presence":{"rendezvous_host":true,"rendezvous_only":true,"peer_db_path":"peers.db",
	"admin_password":"secret"},"rendezvous":{"limits":{"subscribers_per_address":300}}}'
rendezvous rendezvous_restart crowd
wan=
for port in 9001 9002 9003 9004 9005 9006; do wan="$wan,\"http://$JS_IP:$port\""; done
peer 1 traveller '{"profile":{"label":"goop"},"presence":{"rendezvous_wan":['"${wan#,}"']}}'
rendezvous rendezvous_servers traveller
finish
