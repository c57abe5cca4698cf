#!/bin/sh
# demo.sh: two peers, alice and bob, with different sites; waits until each lists the other, prints where to
# look, and stops both on Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
goop=$PWD/build/bin/goop-supervisor
wait_limit=30

make_peer() { # name label port
	if [ ! -e "peers/$1/goop.json" ]; then
		"$goop" init "peers/$1" --label "$2" >/dev/null
		rm -rf "peers/$1/site"
		cp -r "packaging/demo/$1" "peers/$1/site"
		cp packaging/demo/guestbook.js "peers/$1/site/"
		printf '{\n  "profile": { "label": "%s" },\n  "viewer": { "http_addr": "127.0.0.1:%s" }\n}\n' \
			"$2" "$3" >"peers/$1/goop.json"
	fi
}

stop_both() {
	trap - INT TERM EXIT
	for name in alice bob; do
		"$goop" stop "peers/$name" >/dev/null 2>&1 || true
	done
	echo
	echo "Both peers have stopped. Their folders stay in peers/."
}

lists() { # name of the peer, label to be listed
	"$goop" peers "peers/$1" --json 2>/dev/null | grep -q "\"$2\""
}

url_of() {
	"$goop" status "peers/$1" --json | sed -n 's/.*"viewer_url": *"\([^"]*\)".*/\1/p' | head -n 1
}

ask() { # url, path, JSON
	curl -sf -o /dev/null -X POST -H 'Content-Type: application/json' -H "Origin: $1" "$1$2" -d "$3"
}

# The second run of the demo finds the table there.
guest_book() { # url
	ask "$1" /api/data/tables/create '{ "name": "guestbook",
		"columns": [{"name": "author", "type": "TEXT"}, {"name": "message", "type": "TEXT"}]}' || return 0
	ask "$1" /api/data/tables/set-policy '{ "table": "guestbook", "policy": "open" }'
}

mkdir -p peers
make_peer alice "Alice" 8080
make_peer bob "Bob" 8081
trap 'stop_both; exit 0' INT TERM
trap stop_both EXIT
for name in alice bob; do
	"$goop" start "peers/$name" --daemon >"peers/$name.start" 2>&1 || {
		cat "peers/$name.start" >&2
		exit 1
	}
	rm -f "peers/$name.start"
done
began=$(date +%s)
until lists alice Bob && lists bob Alice; do
	if [ $(($(date +%s) - began)) -ge $wait_limit ]; then
		echo "The peers have not found each other within $wait_limit s. What they say:" >&2
		"$goop" status peers/alice >&2
		"$goop" logs peers/alice svc-discovery | tail -n 20 >&2
		exit 1
	fi
	sleep 0.1
done
alice=$(url_of alice)
bob=$(url_of bob)
guest_book "$alice"
guest_book "$bob"
cat <<TEXT

Two peers have found each other:

  Alice looks at the network here:  $alice/peers
  Bob looks at the network here:    $bob/peers

Open one, click the other's name, sign the guest book. Ctrl-C stops both.
TEXT
# Waits for the person, woken by the signal.
while :; do
	sleep 3600 &
	wait $! || true
done
