#!/bin/sh
# Ten thousand connections that begin and go no further, from 240 addresses, and as many again for those that
# are given up: whoever is connected goes on, whoever comes gets in, and nothing grows.
. "$(dirname "$0")/../system/lib.sh"

many=10000
ulimit -n $((many + 1000))
lan 4
i=10
while [ $i -lt 250 ]; do
	ip -n "$net-4" addr add "10.77.0.$i/24" dev eth0
	i=$((i + 1))
done
peer 1 alice
peer 2 bob
peer 3 carol
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
start alice bob
within 10 lists alice bob
bob=$(id_of bob)
victim=$(pid_of bob svc-transport)
port=$("$goop" status --json "$scratch/bob" | jq -r '.. | .listen? // empty' | head -n 1 | sed 's/^0\.0\.0\.0:\([0-9]*\).*/\1/')
held() { awk '/^RssAnon/ { print $2 }' "/proc/$victim/status"; }
descriptors() { find "/proc/$victim/fd" | wc -l; }
before=$(held) few=$(descriptors)

story "ten thousand connections that say nothing, or half of what they should"
behind 4 python3 tests/torture/half_open.py 10.77.0.2 "$port" "$many" 10.77.0 10 249 >"$scratch/flood"
flooding() { grep -q flooding "$scratch/flood"; }
within 20 flooding
felt() { [ "$(descriptors)" -ge $((few + 100)) ]; }
within 10 felt

story "visits of somebody who is connected go on"
i=0
while [ $i -lt 20 ]; do
	same page "$(get alice "/p/$bob/")" 'the workshop of bob'
	i=$((i + 1))
done

story "somebody new gets in, and visits"
start carol
visited() { [ "$(get carol "/p/$bob/")" = 'the workshop of bob' ]; }
within 30 visited

story "no more connections are held than the limits say, and no memory for the others"
now=$(descriptors)
[ $((now - few)) -le 200 ] || fail "$now descriptors, $few before"
now=$(held)
[ $((now - before)) -le 16384 ] || fail "$now KiB, $before before"
same pid "$(pid_of bob svc-transport)" "$victim"

story "when it is over, so are they"
kill -KILL "$behind"
few_again() { [ "$(descriptors)" -le $((few + 8)) ]; }
within 15 few_again
finish
