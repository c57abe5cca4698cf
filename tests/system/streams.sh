#!/bin/sh
# One connection: hundreds of streams at a time, and a peer that falls silent.
. "$(dirname "$0")/lib.sh"

lan 2
peer 1 alice
peer 2 bob
echo small >"$scratch/bob/site/index.html"
start alice bob
within 10 lists alice bob
bob=$(id_of bob) url=$(status_of alice .viewer_url)

story "three hundred visits at the same time, over the one connection there is"
i=0
while [ $i -lt 400 ]; do
	printf 'url = "%s/p/%s/?%s"\noutput = "%s/page.%s"\n' "$url" "$bob" "$i" "$scratch" "$i"
	i=$((i + 1))
done >"$scratch/urls"
on 1 curl -sS -Z --parallel-max 300 --parallel-immediate -K "$scratch/urls"
same pages "$(cat "$scratch"/page.* | sort | uniq -c | tr -s ' ')" " 400 small"
connections() {
	cat "$scratch/alice/log/svc-transport.log" "$scratch/alice/log/svc-transport.log".* 2>/dev/null | grep -c "$bob connected"
}
same connections "$(connections)" 1

story "a peer whose cable is cut is noticed, without a word from anybody"
streams_to_bob() { "$goop" streams --json "$scratch/alice" | grep -q "$bob"; }
within 5 streams_to_bob
no_streams_to_bob() { ! streams_to_bob; }
ip -n "$net-0" link set p2 down
within 60 no_streams_to_bob
contains log "$(grep "$bob" "$scratch/alice/log/svc-transport.log" | tail -n 1)" "connection lost"

story "and met again when the cable is back"
ip -n "$net-0" link set p2 up
within 60 lists alice bob
same page "$(get alice "/p/$bob/")" small
finish
