#!/bin/sh
# Each service is killed in turn while two peers visit and post. The others keep their pids, the peer is whole
# again, and every row that was acknowledged is there.
. "$(dirname "$0")/../system/lib.sh"

lan 2
peer 1 alice
peer 2 bob
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
head -c 20000000 /dev/urandom >"$scratch/bob/site/noise.bin"
start alice bob
within 10 lists alice bob
within 10 lists bob alice
guest_book bob
bob=$(id_of bob)
services="svc-transport svc-discovery svc-db svc-viewer"

# Posts from alice to bob until told to stop; writes the number of each acknowledged row.
load() {
	n=0
	url=$(status_of alice .viewer_url)
	while [ ! -e "$scratch/enough" ]; do
		n=$((n + 1))
		ip netns exec "$net-1" curl -s --max-time 10 -X POST -H 'Content-Type: application/json' -H "Origin: $url" \
			-d "{\"table\":\"guestbook\",\"data\":{\"author\":\"load\",\"message\":\"$n\"}}" \
			"$url/api/p/$bob/data/insert" | grep -q '"inserted"' && echo "$n" >>"$scratch/acknowledged"
		ip netns exec "$net-1" curl -s --max-time 10 -o /dev/null "$url/p/$bob/noise.bin" || true
	done
}
load &
loader=$!
pids="$pids $loader"
acknowledged() {
	[ "$(wc -l <"$scratch/acknowledged")" -gt "$1" ]
}
: >"$scratch/acknowledged"
within 20 acknowledged 2

replaced() { # name service old-pid
	_new=$(pid_of "$1" "$2")
	[ "$_new" != "$3" ] && ready "$1"
}

for name in alice bob; do
	for service in $services; do
		story "$service of $name is killed: the others stay, it comes back, posts go on"
		before=$(status_of "$name" '[.services[] | "\(.name) \(.pid)"] | .[]')
		old=$(pid_of "$name" "$service")
		kill -KILL "$old"
		within 10 replaced "$name" "$service" "$old"
		for other in $services; do
			[ "$other" = "$service" ] ||
				same "$other" "$(pid_of "$name" "$other")" "$(echo "$before" | sed -n "s/^$other //p")"
		done
		contains death "$(status_of "$name" ".services[] | select(.name == \"$service\") | .last_death")" "SIGKILL"
		count=$(wc -l <"$scratch/acknowledged")
		within 30 acknowledged $((count + 2))
		within 20 lists alice bob
		within 20 lists bob alice
	done
done

story "every acknowledged row is there"
: >"$scratch/enough"
wait "$loader" || true
post bob /api/data/query '{"table":"guestbook","columns":["message"],"limit":100000}' |
	jq -r '.[].message' | sort >"$scratch/rows"
sort "$scratch/acknowledged" >"$scratch/sorted"
same lost "$(comm -23 "$scratch/sorted" "$scratch/rows" | wc -l)" 0

story "a download survives the restart of a service that it does not pass through"
behind 1 curl -s --limit-rate 8M -o "$scratch/noise" "$(status_of alice .viewer_url)/p/$bob/noise.bin"
download=$behind
started() { [ "$(stat -c %s "$scratch/noise" 2>/dev/null || echo 0)" -gt 1000000 ]; }
rm -f "$scratch/noise"
within 10 started
"$goop" restart "$scratch/bob" svc-db >/dev/null
"$goop" restart "$scratch/bob" svc-discovery >/dev/null
wait "$download" || fail "the download broke"
cmp "$scratch/noise" "$scratch/bob/site/noise.bin" || fail "the file differs"

story "all four at once, with SIGKILL: the peer is whole again and nothing acknowledged is lost"
for service in $services; do kill -KILL "$(pid_of bob "$service")"; done
within 15 ready bob
within 20 lists alice bob
same rows "$(post bob /api/data/query '{"table":"guestbook","limit":100000}' | jq length)" "$(wc -l <"$scratch/rows")"

story "the supervisor is killed: no process stays behind, and the next start cleans up"
all=$(status_of bob '.services[].pid')
kill -KILL "$(cat "$scratch/bob/run/pid")"
gone() { for pid in $all; do [ ! -d "/proc/$pid" ] || return 1; done; }
within 10 gone
start bob
within 20 lists alice bob
finish
