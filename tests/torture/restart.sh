#!/bin/sh
# 200 kills of services of three peers at random moments, while they visit, post and publish, and a fourth peer,
# which nobody harms, watches. Nothing acknowledged is lost, nothing hangs, nobody is seen to go, nothing leaks.
. "$(dirname "$0")/../system/lib.sh"

kills=${KILLS:-200}
services="svc-transport svc-discovery svc-db svc-viewer"
victims="alice bob carol"
lan 4
host=0
for name in $victims dave; do
	host=$((host + 1))
	peer $host $name
done
head -c 1000000 /dev/urandom >"$scratch/page"
cp "$scratch/page" "$scratch/bob/site/page.bin"
start $victims dave
guest_book bob
bob=$(id_of bob)

all_there() { # Does the peer list all others?
	for _other in $victims dave; do
		[ "$_other" = "$1" ] || lists "$1" "$_other" || return 1
	done
}
all_ready() {
	for _name in $victims dave; do ready "$_name" && all_there "$_name" || return 1; done
}
within 20 all_ready

# Inodes of the TCP connections that are open in a process's network.
connections() { # pid
	awk '$4 == "01" { print "socket:[" $10 "]" }' "/proc/$1/net/tcp" "/proc/$1/net/tcp6" >"$scratch/connections"
}
# What belongs to a peer: descriptors of its supervisor and services by kind (connections, timers and files come and go
# while it is at work), its processes, the files in run/. Two peers that dial each other at once keep both connections.
descriptors() { # pid name
	connections "$1"
	find "/proc/$1/fd" -mindepth 1 -printf '%l\n' | grep -vxFf "$scratch/connections" | sed -E 's/[0-9]+//g; s/ \(deleted\)//' | sort | uniq -c | sed "s|^ *|$2 |"
}
belongings() {
	_pid=$(cat "$scratch/$1/run/pid")
	descriptors "$_pid" "$1/supervisor"
	for _service in $services; do descriptors "$(pid_of "$1" $_service)" "$1/$_service"; done
	ps -o stat=,comm= --ppid "$_pid" | sed 's/^[^Z ]* */  /' | sort
	ls "$scratch/$1/run"
}
all_belongings() { for _name in $victims dave; do belongings "$_name"; done; }
# Memory of who lives through all of it, in KiB: the supervisors, and the services of dave.
memory() {
	for _name in $victims; do status_of $_name '"\(.label)/supervisor \(.memory_bytes / 1024 | floor)"'; done
	status_of dave '.services[] | "dave/\(.name) \(.memory_bytes / 1024 | floor)"'
}

for name in $victims; do
	behind "$(host_of $name)" python3 tests/torture/restart.py use "$(status_of $name .viewer_url)" "$bob" $name "$scratch"
done
users=$pids
behind 4 python3 tests/torture/restart.py watch "$(status_of dave .viewer_url)" "$scratch"
watcher=$behind
busy() {
	for _name in $victims; do [ "$(grep -c '^row' "$scratch/used-$_name")" -gt "$1" ] || return 1; done
	grep -q snapshot "$scratch/watched"
}
within 20 busy 20

story "$kills kills at random moments"
# Each service has begun anew once: what is taken once a life is taken.
for name in $victims; do for service in $services; do "$goop" restart "$scratch/$name" $service >/dev/null; done; done
within 20 all_ready
touch "$scratch/pause"
resting() { for _name in $victims; do [ "$(tail -n 1 "$scratch/used-$_name")" = rest ] || return 1; done; }
settled() { # Nothing comes or goes for a second.
	all_belongings >"$scratch/before"
	sleep 1
	all_belongings >"$scratch/again"
	cmp "$scratch/before" "$scratch/again"
}
within 20 resting
within 20 settled
memory >"$scratch/memory-before"
rm "$scratch/pause"
timeout 150 python3 tests/torture/restart.py kill "$kills" "$scratch/alice" "$scratch/bob" "$scratch/carol" 2>"$scratch/killer" ||
	fail "the killer has failed: $(tail -n 1 "$scratch/killer")"

story "everybody is whole again and sees all others"
for name in $victims; do for service in $services; do
	[ "$(status_of $name ".services[] | select(.name == \"$service\") | .state")" != failed ] || fail "$name $service is held"
done; done
within 30 all_ready
rows=$(cat "$scratch"/used-* | grep -c '^row')
more() { [ "$(cat "$scratch"/used-* | grep -c '^row')" -gt $((rows + 20)) ]; }
within 20 more
touch "$scratch/pause"
within 20 resting

story "no descriptor, process or file is left over"
as_before() { all_belongings >"$scratch/after" && cmp -s "$scratch/before" "$scratch/after"; }
_end=$(($(date +%s) + 20))
until as_before || [ "$(date +%s)" -ge $_end ]; do sleep 0.2; done
same "what is there" "$(diff "$scratch/before" "$scratch/after")" ""
for name in $victims dave; do
	pid=$(pid_of $name svc-transport)
	connections "$pid"
	held=$(find "/proc/$pid/fd" -mindepth 1 -printf '%l\n' | grep -cxFf "$scratch/connections")
	[ "$held" -ge 3 ] && [ "$held" -le 6 ] || fail "$name has $held connections to three peers"
done

story "no memory is left over with those who lived through it"
memory >"$scratch/memory-after"
join "$scratch/memory-before" "$scratch/memory-after" | sed 's/^/    KiB /'
# A third of the deaths are those of one supervisor, so 3 KiB a death is 200 KiB with it. The services of dave were at
# the other end of all of them, and of thousands of streams; what their allocators keep is below 1 MiB.
same "grown" "$(join "$scratch/memory-before" "$scratch/memory-after" |
	awk '$3 > $2 + ($1 ~ /supervisor/ ? 256 : 1024)')" ""
touch "$scratch/enough"
for user in $users $watcher; do wait "$user" || fail "who uses the peers has failed"; done

story "every acknowledged row is there"
post bob /api/data/query '{"table":"guestbook","columns":["message"],"limit":1000000}' | jq -r '.[].message' | sort >"$scratch/rows"
sed -n 's/^row //p' "$scratch"/used-* | sort >"$scratch/acknowledged"
[ "$(wc -l <"$scratch/acknowledged")" -gt 100 ] || fail "only $(wc -l <"$scratch/acknowledged") rows were acknowledged"
same "rows lost" "$(comm -13 "$scratch/rows" "$scratch/acknowledged" | head -n 3)" ""
same "rows twice" "$(uniq -d "$scratch/rows" | head -n 3)" ""

story "each page and post was whole, or ended with an error that names its event, and none waited for a deadline"
same "neither" "$(grep -h BAD "$scratch"/used-* | head -n 3)" ""
same "broken off by a deadline" "$(grep -hE 'broken off: .*(timed out| in time| too long)' "$scratch"/*/log/svc-viewer.log* | head -n 3)" ""
cut -d' ' -f1-9 "$scratch"/used-* | grep -vE '^(row|rest)' | sort | uniq -c | sed 's/^/    /'

story "nobody who watched saw anybody go"
same "events" "$(grep -E '^event: (remove|end)' -A 1 "$scratch/watched" | head -n 6)" ""

story "a page and a post that are under way end with the reason although nobody comes back"
state_is() { [ "$(status_of "$1" ".services[] | select(.name == \"$2\") | .state")" = "$3" ]; }
reaches() { [ "$(on 1 python3 tests/torture/restart.py once "$url" "$bob" "$1")" = "$1 good" ]; }
under_way() { # how many requests have gone from alice to bob
	[ "$("$goop" streams --json "$scratch/alice" | jq --arg bob "$bob" '[."svc-transport"[] |
		select(.peer == $bob and .direction == "out" and .bytes_out > 0 and (.protocol | test("goop/(site|data)")))] | length')" = "$1" ]
}
url=$(status_of alice .viewer_url)
last_death() { # peer service page|post...
	_peer=$1 _service=$2
	shift 2
	"$goop" restart "$scratch/$_peer" "$_service" >/dev/null
	# More than five deaths in a minute, and it is held.
	for _death in 1 2 3 4 5; do
		within 10 state_is "$_peer" "$_service" up
		kill -9 "$(pid_of "$_peer" "$_service")"
	done
	within 10 state_is "$_peer" "$_service" up
	for _what in "$@"; do within 20 reaches "$_what"; done
	# Nobody answers; the supervisor would notice in five seconds.
	kill -STOP "$(pid_of bob svc-viewer)" "$(pid_of bob svc-db)"
	_asking=
	for _what in "$@"; do
		behind 1 python3 tests/torture/restart.py once "$url" "$bob" "$_what" >"$scratch/once-$_what"
		_asking="$_asking $behind"
	done
	within 4 under_way $#
	kill -9 "$(pid_of "$_peer" "$_service")"
	within 10 state_is "$_peer" "$_service" failed
	for _pid in $_asking; do wait "$_pid" || fail "the one who asks has failed"; done
	for _what in "$@"; do
		echo "    $_peer $_service: $(cat "$scratch/once-$_what")"
		contains "$_what without $_service of $_peer" "$(cat "$scratch/once-$_what")" "$_what error "
	done
	for _stopped in svc-viewer svc-db; do kill -CONT "$(pid_of bob $_stopped)" 2>/dev/null || true; done
	"$goop" restart "$scratch/$_peer" "$_service" >/dev/null
}
last_death bob svc-viewer page
last_death bob svc-db post
last_death bob svc-transport page post
last_death alice svc-transport page post

finish
