#!/bin/sh
# Five peers on one network: everybody sees everybody, tags stay apart, messages are relayed.
. "$(dirname "$0")/lib.sh"

lan 7
for i in 1 2 3 4 5; do peer $i "p$i"; done
peer 6 other '{"profile":{"label":"other"},"p2p":{"mdns_tag":"other-tag"}}'
peer 7 other2 '{"profile":{"label":"other2"},"p2p":{"mdns_tag":"other-tag"}}'
for i in 1 2 3 4 5; do echo "page of p$i" >"$scratch/p$i/site/index.html"; done

story "each of five lists the other four"
start p1 p2 p3 p4 p5 other other2
for a in 1 2 3 4 5; do
	for b in 1 2 3 4 5; do
		[ $a = $b ] || within 15 lists "p$a" "p$b"
	done
done

story "each can visit each"
for a in 1 2 3 4 5; do
	for b in 1 2 3 4 5; do
		same "p$a visits p$b" "$(get "p$a" "/p/$(id_of "p$b")/")" "page of p$b"
	done
done

story "peers of another tag find each other and nobody else"
within 15 lists other other2
same "people of other" "$("$goop" peers --json "$scratch/other" | jq length)" 1
same "people of p1" "$("$goop" peers --json "$scratch/p1" | jq length)" 4

story "four post into the fifth's guest book at the same time, and every row is there"
guest_book p5
five=$(id_of p5)
for a in 1 2 3 4; do
	(
		for n in 1 2 3 4 5 6 7 8 9 10; do
			post "p$a" "/api/p/$five/data/insert" \
				"{\"table\":\"guestbook\",\"data\":{\"author\":\"p$a\",\"message\":\"$n\"}}" | grep -q inserted
		done
	) &
	eval "job_$a=$!"
done
for a in 1 2 3 4; do eval "wait \$job_$a" || fail "an insert of p$a failed"; done
same rows "$(post p5 /api/data/query '{"table":"guestbook","limit":100}' | jq length)" 40

story "one leaves; the other four see it at once and still see each other"
"$goop" stop "$scratch/p3" >/dev/null
for a in 1 2 4 5; do within 3 lists_not "p$a" p3; done
same "people of p1" "$("$goop" peers --json "$scratch/p1" | jq length)" 3
finish
