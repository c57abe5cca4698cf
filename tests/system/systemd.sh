#!/bin/sh
# The Debian package under a running systemd: installation, readiness, its own user and folder, a death, the socket
# unit, an upgrade, removal.
. "$(dirname "$0")/lib.sh"

[ -x /lib/systemd/systemd ] || fail "there is no systemd here"
alone
make -s deb >"$scratch/package" 2>"$scratch/package.log" || fail "$(cat "$scratch/package.log")"
same complaints "$(cat "$scratch/package.log")" ""
mkdir -p "$scratch/tree/srv"
cp "$(cat "$scratch/package")" "$scratch/tree/srv/goop.deb"

# at COMMAND...: inside that machine.
at() {
	nsenter -t "$first" -m -p -u -i -n -r -w -- "$@"
}
find_first() {
	first=$(for file in $(find /sys/fs/cgroup -path "*goop-story-$machine*" -name cgroup.procs); do cat "$file"; done |
		while read -r pid; do
			grep -q '^NSpid:.*	1$' "/proc/$pid/status" 2>/dev/null && echo "$pid"
		done | head -n 1)
	[ -n "$first" ] && at systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'
}
healthy() {
	[ "$(on 1 curl -s --max-time 5 http://127.0.0.1:8787/healthz)" = ok ]
}
property() { # unit property
	at systemctl show --value -p "$2" "$1"
}
rendezvous_pid() {
	at pidof svc-rendezvous
}
# (Small images leave out what is below /usr/share.)
put_in() {
	at dpkg --path-include='/usr/share/*' -i /srv/goop.deb >"$scratch/dpkg" 2>&1 || fail "$(cat "$scratch/dpkg")"
}

story "a machine that systemd has started"
# (ip-netns would hide the control groups.)
nsenter --net="/run/netns/$net-1" sh tests/system/machine "$scratch/machine" "$scratch/tree" 2>"$scratch/machine.log" &
machine=$!
pids="$pids $machine"
_end=$(($(date +%s) + 60))
until find_first; do
	kill -0 "$machine" 2>/dev/null && [ "$(date +%s)" -lt "$_end" ] || fail "no systemd: $(cat "$scratch/machine.log")"
	sleep 0.1
done

story "the package is installed: its units are there, and nothing runs"
put_in
same state "$(at dpkg-query -W -f '${db:Status-Status}' goop)" installed
same programs "$(at goop-supervisor --version)" "$("$goop" --version)"
same altered "$(at dpkg --verify goop)" ""
for page in man1/goop-supervisor.1 man5/goop.json.5; do
	at gzip -t "/usr/share/man/$page.gz" || fail "there is no $page"
done
same state "$(property goop-rendezvous.service ActiveState)" inactive
same units "$(at systemctl list-unit-files --no-legend 'goop-*' | awk '{print $1}' | sort | tr '\n' ' ')" \
	"goop-peer@.service goop-rendezvous.service goop-rendezvous.socket "

story "it is started when it serves: Type=notify"
exits 0 at systemctl start goop-rendezvous.service
healthy || fail "started, and does not serve"
same state "$(property goop-rendezvous.service ActiveState)" active
contains text "$(property goop-rendezvous.service StatusText)" "1 of 1 services are up"

story "as a user of its own, in its own folder, with the descriptors that the unit gives"
pid=$(rendezvous_pid)
uid=$(at sed -n 's/^Uid:	\([0-9]*\).*/\1/p' "/proc/$pid/status")
[ "$uid" -ge 61184 ] && [ "$uid" -le 65519 ] || fail "uid $uid is none of DynamicUser="
most=$(ulimit -Hn)
[ "$most" != unlimited ] && [ "$most" -lt 65536 ] || most=65536
same files "$(at sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "/proc/$pid/limits")" "$most"
same new-privileges "$(at sed -n 's/^NoNewPrivs:	//p' "/proc/$pid/status")" 1
same folder "$(at stat -c '%a %u' /var/lib/private/goop-rendezvous)" "700 $uid"
contains made "$(at cat /var/lib/private/goop-rendezvous/goop.json)" '"rendezvous_only": true'
same complaints "$(at sh -c 'cat /var/lib/private/goop-rendezvous/log/*.log' | grep -E ' (warn|error) ')" ""
same exposure "$(at systemd-analyze security --no-pager --threshold=20 goop-rendezvous.service >/dev/null && echo low)" low

story "a service that dies is started by the supervisor, a supervisor that dies by systemd"
main=$(property goop-rendezvous.service MainPID)
at kill -KILL "$pid"
within 10 healthy
same main "$(property goop-rendezvous.service MainPID)" "$main"
at kill -KILL "$main"
restarted() { [ "$(property goop-rendezvous.service NRestarts)" = 1 ] && healthy; }
within 15 restarted

story "it stops in order when it is told to"
exits 0 at systemctl stop goop-rendezvous.service
same state "$(property goop-rendezvous.service ActiveState)" inactive
same result "$(property goop-rendezvous.service Result)" success
rendezvous_pid && fail "svc-rendezvous still runs"

story "a port that systemd holds outlives a restart; the first who connects starts the service"
exits 0 at systemctl start goop-rendezvous.socket
same before "$(property goop-rendezvous.service ActiveState)" inactive
healthy || fail "the first is not served"
same after "$(property goop-rendezvous.service ActiveState)" active
on 1 sh -c 'for i in $(seq 200); do curl -s --max-time 10 http://127.0.0.1:8787/healthz || echo " refused"; done' >"$scratch/visits" &
visitor=$!
exits 0 at systemctl restart goop-rendezvous.service
wait "$visitor"
! grep -q refused "$scratch/visits" || fail "$(grep -c refused "$scratch/visits") were refused"
exits 0 at systemctl stop goop-rendezvous.socket goop-rendezvous.service

story "a bad goop.json is said, and not tried again and again"
at sh -c 'echo "{ \"presence\": 1 }" >/var/lib/private/goop-rendezvous/goop.json'
exits 1 at systemctl start goop-rendezvous.service
same status "$(property goop-rendezvous.service ExecMainStatus)" 78
same restarts "$(property goop-rendezvous.service NRestarts)" 0
same state "$(property goop-rendezvous.service ActiveState)" failed

story "a peer runs as a unit, too"
exits 0 at systemctl start goop-peer@alice.service
contains text "$(property goop-peer@alice.service StatusText)" "4 of 4 services are up"
same exposure "$(at systemd-analyze security --no-pager --threshold=20 goop-peer@alice.service >/dev/null && echo low)" low
same complaints "$(at sh -c 'cat /var/lib/private/goop/alice/log/*.log' | grep -E ' (warn|error) ')" ""
url=$(at goop-supervisor status --json /var/lib/private/goop/alice | jq -r '"\(.viewer_url)/p/\(.peer_id)/"')
contains site "$(on 1 curl -s --max-time 20 "$url")" "<title>"

story "an upgrade of the package starts anew what ran, and keeps its folder"
before=$(property goop-peer@alice.service MainPID)
put_in
[ "$(property goop-peer@alice.service MainPID)" != "$before" ] || fail "it is the same process"
same state "$(property goop-peer@alice.service ActiveState)" active
same rendezvous "$(property goop-rendezvous.service ActiveState)" failed
same site "$(at goop-supervisor status --json /var/lib/private/goop/alice | jq -r '"\(.viewer_url)/p/\(.peer_id)/"')" "$url"

story "when it is removed its services stop, and people's folders stay"
at dpkg -r goop >"$scratch/dpkg" 2>&1 || fail "$(cat "$scratch/dpkg")"
at pidof goop-supervisor && fail "the supervisor still runs"
at test -s /var/lib/private/goop/alice/data/identity.key || fail "the key is gone"
at test ! -e /usr/bin/goop-supervisor || fail "the program is still there"
kill "$machine"
finish
