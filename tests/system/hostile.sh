#!/bin/sh
# A rendezvous server under attack from one address: 100 000 invented peers, connections that trickle, subscribers
# that never read, wrong passwords in a row. Peers on other networks meet and visit meanwhile, and memory stays bounded.
. "$(dirname "$0")/lib.sh"

lans 1 1 1 1
url=http://10.77.3.103:8787
join='{"presence":{"rendezvous_wan":"'$url'"},"profile":{"label":"%s"},"viewer":{"http_addr":"127.0.0.1:8080"}}'
peer 1 alice "$(printf "$join" alice)"
peer 2 bob "$(printf "$join" bob)"
server 3 meet '{"presence":{"rendezvous_host":true,"rendezvous_only":true,"admin_password":"secret"}}'
echo 'the workshop of bob' >"$scratch/bob/site/index.html"

metric() { # name
	on 3 curl -s http://127.0.0.1:8787/metrics | sed -n "s/^goop_rendezvous_$1 //p"
}
at_least() { # metric number
	[ "$(metric "$1")" -ge "$2" ]
}
memory() {
	status_of meet '[.services[].memory_bytes] | add / 1024 | floor'
}
attack() { # way [number]
	behind 4 python3 tests/system/hostile.py "$1" 10.77.3.103 8787 ${2:-} >"$scratch/$1"
}

start meet
start alice
within 10 sh -c "'$goop' status --json '$scratch/alice' | jq -r .rendezvous | grep -q 'connected since'"
echo "    $(memory) KiB before"

story "subscribers that never read: 64 of an address, the others are refused"
attack deaf 100
within 20 grep -q . "$scratch/deaf"
same answers "$(cat "$scratch/deaf")" "200:64 429:36"

story "connections that trickle: no more than 1024 of an address, and each is cut"
ulimit -n "$(ulimit -Hn)"
attack slow
slow=$behind
within 20 at_least connections_refused_total 100
within 30 at_least connections_cut_total 100
[ "$(metric connections)" -lt 1100 ] || fail "$(metric connections) connections"

story "meanwhile two networks meet and visit"
start bob
within 10 lists alice bob
within 10 lists bob alice
same page "$(get alice "/p/$(id_of bob)/")" "the workshop of bob"
kill "$slow"

story "100 000 invented peers: sixty are believed, nobody is pushed out"
attack flood
within 100 grep -q : "$scratch/flood"
echo "    $(cat "$scratch/flood")"
same believed "$(tr ' ' '\n' <"$scratch/flood" | sed -n 's/^204://p')" 60
same refused "$(tr ' ' '\n' <"$scratch/flood" | sed -n 's/^429://p')" 99940
lists alice bob || fail "alice has lost bob"
lists bob alice || fail "bob has lost alice"
same deaths "$(status_of meet '[.services[].deaths[]] | length')" 0

story "wrong passwords in a row become slow for that address, and for nobody else"
codes=$(for _try in 1 2 3 4 5 6 7 8; do
	on 4 curl -s -o /dev/null -w '%{http_code} ' -u "admin:wrong$_try" $url/admin
done)
same guesses "$codes" "401 401 401 401 401 401 429 429 "
same even-the-right-one "$(on 4 curl -s -o /dev/null -w '%{http_code}' -u admin:secret $url/admin)" 429
same admin "$(on 2 curl -s -o /dev/null -w '%{http_code}' -u admin:secret $url/admin)" 200

story "memory is bounded after all that"
used=$(memory)
echo "    $used KiB, svc-rendezvous"
[ "$used" -lt $((40 * 1024)) ] || fail "$used KiB"
for name in alice bob meet; do "$goop" stop "$scratch/$name" >/dev/null; done

story "subscribers in all: as many as the limit of descriptors leaves room for, and others are still served"
server 3 small '{"presence":{"rendezvous_host":true,"rendezvous_only":true},
	"rendezvous":{"limits":{"subscribers_per_address":0}}}'
(ulimit -n 800 && start small)
attack deaf 650
within 20 grep -q . "$scratch/deaf"
same answers "$(cat "$scratch/deaf")" "200:589 503:61"
same health "$(on 1 curl -s "$url/healthz")" ok
finish
