#!/bin/sh
# Two peers on one network meet, visit, post and leave.
. "$(dirname "$0")/lib.sh"

lan 2
peer 1 alice
peer 2 bob
echo 'the garden of alice' >"$scratch/alice/site/index.html"
mkdir -p "$scratch/bob/site/deep"
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
printf 'body { color: blue }' >"$scratch/bob/site/style.css"
echo 'a folder' >"$scratch/bob/site/deep/index.html"
head -c 3000000 /dev/urandom >"$scratch/bob/site/noise.bin"

story "they list each other"
start alice bob
within 10 lists alice bob
within 10 lists bob alice
alice=$(id_of alice) bob=$(id_of bob)

story "a visit shows the other's page, its files and its folders"
same page "$(get alice "/p/$bob/")" "the workshop of bob"
same folder "$(get alice "/p/$bob/deep/")" "a folder"
contains type "$(get alice "/p/$bob/style.css" -o /dev/null -w '%{content_type}')" "text/css"
get alice "/p/$bob/noise.bin" -o "$scratch/noise"
cmp "$scratch/noise" "$scratch/bob/site/noise.bin" || fail "the file differs"
same other-way "$(get bob "/p/$alice/")" "the garden of alice"
same own "$(get bob "/p/$bob/")" "the workshop of bob"

story "what is not there is 404, what is outside is 403"
same missing "$(get alice "/p/$bob/none.html" -o /dev/null -w '%{http_code}')" 404
ln -s /etc/hostname "$scratch/bob/site/link"
same link "$(get alice "/p/$bob/link" -o /dev/null -w '%{http_code}')" 403
same dots "$(get alice "/p/$bob/%2e%2e/goop.json" --path-as-is -o /dev/null -w '%{http_code}')" 403

story "a post lands in the owner's database under the visitor's proved name"
guest_book bob
answer=$(post alice "/api/p/$bob/data/insert" '{"table":"guestbook","data":{"author":"A","message":"hello bob"}}')
contains inserted "$answer" '"inserted"'
rows=$(post bob /api/data/query '{"table":"guestbook"}')
same message "$(echo "$rows" | jq -r '.[0].message')" "hello bob"
same owner "$(echo "$rows" | jq -r '.[0]._owner')" "$alice"

story "a forged owner and hostile queries get nothing"
refused=$(post alice "/api/p/$bob/data/insert" '{"table":"guestbook","data":{"_owner":"x","author":"A"}}')
contains system-column "$refused" "_owner"
post bob /api/data/insert '{"table":"guestbook","data":{"author":"B","message":"secret of bob"}}' >/dev/null
for where in '1=1) OR (1=1' '1=1; DROP TABLE guestbook' '1=(SELECT 1 FROM sqlite_master)' '1 UNION SELECT * FROM _tables'; do
	found=$(post alice "/api/p/$bob/data/query" "$(jq -cn --arg w "$where" '{table:"guestbook",where:$w}')")
	case $found in *secret*) fail "rows of another owner came out: $found" ;; esac
done
same own-rows "$(post alice "/api/p/$bob/data/query" '{"table":"guestbook"}' | jq length)" 1

story "an unreachable peer gets a page that says what was tried"
ip -n "$net-0" link set p2 down
on 1 ss -K dst 10.77.0.2 >/dev/null 2>&1 || true
on 1 ss -K dst fd77::2 >/dev/null 2>&1 || true
page=$(get alice "/p/$bob/" -w '\n%{http_code}')
contains status "$page" 502
ip -n "$net-0" link set p2 up
within 30 lists alice bob
within 40 sh -c "ip netns exec $net-1 curl -sf --max-time 5 $(status_of alice .viewer_url)/p/$bob/ | grep -q workshop"

# What it says goes over the new connection again: it has been heard since.
since=$(date +%s%3N)
heard() {
	"$goop" peers --json "$scratch/alice" | jq -e --argjson since "$since" 'any(.[]; .label == "bob" and .last_seen > $since)' >/dev/null
}
within 20 heard

story "one that stops cleanly disappears at once, without waiting for its TTL"
"$goop" stop "$scratch/bob" >/dev/null
within 3 lists_not alice bob

story "one that is killed disappears after its TTL"
start bob
within 10 lists alice bob
kill -KILL "$(cat "$scratch/bob/run/pid")"
within 30 lists_not alice bob

story "and it comes back when it is started again"
start bob
within 10 lists alice bob
finish
