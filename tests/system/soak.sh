#!/bin/sh
# What life does to a peer and tests seldom do. Nobody may die behind his walls of an honest system call: no service
# is started twice here, none is refused anything, and all still work.
. "$(dirname "$0")/lib.sh"

lan 2
disk=$scratch/alice
mkdir "$disk"
mount -t tmpfs -o size=24m,mode=755 tmpfs "$disk"
off() {
	_status=$?
	set +e
	"$goop" stop "$disk" >/dev/null 2>&1
	umount -l "$disk"
	return $_status
}
trap 'off; clean_up' EXIT

services="svc-transport svc-discovery svc-db svc-viewer"
peer 1 alice '{"presence":{"rendezvous_wan":"http://meet.test:8787"},"profile":{"label":"alice"}}'
peer 2 bob '{"presence":{"rendezvous_host":true,"rendezvous_port":8787},"profile":{"label":"bob"}}'
printf 'hosts: files hesiod nowhere [NOTFOUND=continue] dns\n' >"$(etc 1 nsswitch.conf)"
printf 'nameserver 10.77.0.2\noptions timeout:1 attempts:1\n' >"$(etc 1 resolv.conf)"
printf '127.0.0.1 localhost\n' >"$(etc 1 hosts)"
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
start bob alice
before=$(for service in $services; do pid_of alice "$service"; done)

unharmed() { # name
	for _service in $services; do
		same "restarts of $_service of $1" "$(status_of "$1" ".services[] | select(.name == \"$_service\") | .restarts, .last_death")" "0
null"
		same "refusals of $_service of $1" "$(status_of "$1" ".services[] | select(.name == \"$_service\") | .refused")" null
	done
}
works() {
	same page "$(get alice "/p/$bob/")" "the workshop of bob"
	contains post "$(post alice /api/data/insert '{"table":"guestbook","data":{"author":"A","message":"hello"}}')" '"inserted"'
	unharmed alice
}
within 10 lists alice bob
bob=$(id_of bob)
guest_book alice
works

story "a name service of modules, and no DNS server there"
unknown() { status_of alice .rendezvous | grep -q 'resolve'; }
within 10 unknown
works

story "a name that is known all of a sudden"
printf '10.77.0.2 meet.test\n' >>"$(etc 1 hosts)"
joined() { status_of alice .rendezvous | grep -q 'connected since'; }
within 25 joined
works

story "stopped for a while, and continued"
for service in $services; do kill -STOP "$(pid_of alice "$service")"; done
sleep 0.5
for service in $services; do kill -CONT "$(pid_of alice "$service")"; done
works

story "interfaces with nothing but a link-local address come and go"
for turn in 1 2 3; do
	on 1 ip link add "stray$turn" type veth peer name "far$turn"
	on 1 ip link set "far$turn" up
	on 1 ip link set "stray$turn" up
	heard() { on 1 ip -6 addr show dev "stray$turn" | grep -q 'fe80.*link'; }
	within 5 heard
	works
	on 1 ip link del "stray$turn"
done
works

story "a cable that is pulled and put back"
on 1 ip link set eth0 down
on 1 ip link set eth0 up
on 1 ip -6 addr add fd77::1/64 dev eth0 nodad 2>/dev/null || true
within 20 get alice "/p/$bob/" -f
works

story "a full disk under the database and the logs: an error, and afterwards all is well"
dd if=/dev/zero of="$disk/ballast" bs=64k 2>/dev/null || true
head -c 200000 /dev/zero | tr '\0' 'x' >"$scratch/long"
printf '{"table":"guestbook","data":{"author":"A","message":"%s"}}' "$(cat "$scratch/long")" >"$scratch/row"
large() { get alice /api/data/insert -X POST -H 'Content-Type: application/json' -H "Origin: $(status_of alice .viewer_url)" --data-binary "@$scratch/row"; }
full() { large | grep -q 'full'; }
within 10 full
unharmed alice
rm "$disk/ballast"
contains "large row" "$(large)" '"inserted"'
works

story "forty at once, and a sort that needs memory"
for i in $(seq 40); do get alice "/p/$bob/" -o /dev/null & fetched="${fetched:-} $!"; done
for fetch in $fetched; do wait "$fetch" || fail "one of forty"; done
for i in $(seq 8); do large >/dev/null; done
contains sorted "$(post alice /api/data/query '{"table":"guestbook","columns":["author"],"order":"message DESC"}')" author
works

story "nobody was started twice"
same pids "$(for service in $services; do pid_of alice "$service"; done)" "$before"
unharmed bob
! grep -rh 'SIGSYS\|walls: ' "$disk/log" "$scratch/bob/log" | grep . || fail "something was behind the walls"
finish
