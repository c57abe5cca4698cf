#!/bin/sh
# Peers on two networks that share a router and a rendezvous server, and nothing else.
. "$(dirname "$0")/lib.sh"

lans 1 1 1
url=http://10.77.3.103:8787
join='{"presence":{"rendezvous_wan":"'$url'"},"profile":{"label":"%s"},"viewer":{"http_addr":"127.0.0.1:8080"}}'
peer 1 alice "$(printf "$join" alice)"
peer 2 bob "$(printf "$join" bob)"
server 3 meet
echo 'the garden of alice' >"$scratch/alice/site/index.html"
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
head -c 3000000 /dev/urandom >"$scratch/bob/site/noise.bin"

# Is that peer's subscription up, in the words of its status?
joined() { # name [url]
	_said=$(status_of "$1" .rendezvous)
	echo "$_said"
	case $_said in *"${2:-$url} connected since"*) ;; *) return 1 ;; esac
}

# The same the other way round: it runs, says how the servers are, and that this one is not there.
parted() { # name
	_said=$(status_of "$1" .rendezvous)
	echo "$_said"
	case $_said in *"$url not connected: "*) ;; *) return 1 ;; esac
}

published() { # number of peers that the server has
	_there=$(on 3 curl -sS "http://127.0.0.1:8787/metrics" | sed -n 's/^goop_rendezvous_peers //p')
	echo "$_there peers"
	[ "$_there" = "$1" ]
}

story "the server runs alone and shows its address"
start meet
same services "$(status_of meet '[.services[].name] | join(" ")')" svc-rendezvous
contains url "$(status_of meet .rendezvous_urls)" "$url"
contains text "$("$goop" status "$scratch/meet")" "serves   $url"
same health "$(on 1 curl -s "$url/healthz")" ok

story "with nobody there it takes less than 12 MiB"
bytes=$(status_of meet '.memory_bytes + ([.services[].memory_bytes] | add)')
echo "    $((bytes / 1024)) KiB PSS, supervisor and svc-rendezvous"
same kind "$(status_of meet .services[0].memory_kind)" pss
[ "$bytes" -lt $((12 * 1024 * 1024)) ] || fail "$bytes bytes"

story "a plain peer starts no server"
start alice bob
same services "$(status_of alice '[.services[].name] | sort | join(" ")')" \
	"svc-db svc-discovery svc-transport svc-viewer"
same mode "$(status_of alice .mode)" peer

story "peers of both networks list each other"
within 10 joined alice
within 10 joined bob
within 10 lists alice bob
within 10 lists bob alice
alice=$(id_of alice) bob=$(id_of bob)

story "they visit across the router, both ways"
same page "$(get alice "/p/$bob/")" "the workshop of bob"
same other-way "$(get bob "/p/$alice/")" "the garden of alice"
get alice "/p/$bob/noise.bin" -o "$scratch/noise"
cmp "$scratch/noise" "$scratch/bob/site/noise.bin" || fail "the file differs"

story "a post lands in the owner's database under the visitor's proved name"
guest_book bob
contains inserted "$(post alice "/api/p/$bob/data/insert" \
	'{"table":"guestbook","data":{"author":"A","message":"hello bob"}}')" '"inserted"'
rows=$(post bob /api/data/query '{"table":"guestbook"}')
same message "$(echo "$rows" | jq -r '.[0].message')" "hello bob"
same owner "$(echo "$rows" | jq -r '.[0]._owner')" "$alice"

story "a restart of the service goes by: they come back and have not lost each other"
on 3 "$goop" restart "$scratch/meet" svc-rendezvous >/dev/null
within 20 published 2
within 20 joined alice
within 20 joined bob
lists alice bob || fail "alice has lost bob"
lists bob alice || fail "bob has lost alice"

story "so does the sudden death of the whole server"
kill -KILL "$(cat "$scratch/meet/run/pid")"
within 20 parted alice
contains trouble "$("$goop" status "$scratch/alice")" "joins    $url not connected: "
start meet
within 20 published 2
within 20 joined alice
within 20 joined bob
within 20 lists alice bob
within 20 lists bob alice

story "one that comes later is heard of, one that leaves is gone at once"
"$goop" stop "$scratch/bob" >/dev/null
within 3 lists_not alice bob
start bob
within 10 lists alice bob
same page "$(get alice "/p/$bob/")" "the workshop of bob"

story "one that is killed is gone when the server has missed it"
kill -KILL "$(cat "$scratch/bob/run/pid")"
within 60 lists_not alice bob
"$goop" stop "$scratch/alice" >/dev/null
"$goop" stop "$scratch/meet" >/dev/null

story "a peer that hosts a server joins it, and others join both"
peer 3 carol '{"presence":{"rendezvous_host":true},"profile":{"label":"carol"},"viewer":{"http_addr":"127.0.0.1:8080"}}'
start carol
same mode "$(status_of carol .mode)" host
within 10 joined carol http://127.0.0.1:8787
start alice bob
within 10 lists alice bob
within 10 lists alice carol
within 10 lists carol bob
echo 'carol at home' >"$scratch/carol/site/index.html"
same page "$(get bob "/p/$(id_of carol)/")" "carol at home"
finish
