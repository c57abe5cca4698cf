#!/bin/sh
# The rendezvous server as a service manager runs it: its port is bound before it starts and stays while it
# restarts, and it says when it is ready.
. "$(dirname "$0")/lib.sh"

alone
server 1 meet
cat >"$scratch/manager.py" <<'E2'
import os, socket, sys
folder, program = sys.argv[1:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(folder + "/notify")
listening = socket.create_server(("127.0.0.1", 8787), backlog=100)
if os.fork() == 0:
    os.dup2(listening.fileno(), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=folder + "/notify")
    os.execl(program, program, "rendezvous", folder + "/meet")
listening.close()
while True:
    print(notify.recv(1000).decode(), flush=True)
E2

story "it says that it is ready, and serves the socket that it was given"
behind 1 python3 "$scratch/manager.py" "$scratch" "$goop" >"$scratch/heard"
within 10 grep -q READY=1 "$scratch/heard"
within 5 grep -q 'STATUS=1 of 1 services are up' "$scratch/heard"
same health "$(on 1 curl -s http://127.0.0.1:8787/healthz)" ok
same url "$(status_of meet .rendezvous_url)" http://127.0.0.1:8787

story "nobody is refused while the service restarts, or dies"
cat >"$scratch/visitor.sh" <<'E2'
while [ ! -e "$1/enough" ]; do
	curl -s -o /dev/null --max-time 20 http://127.0.0.1:8787/healthz
	case $? in
	7) echo refused ;;
	*) echo served ;;
	esac
done
E2
behind 1 sh "$scratch/visitor.sh" "$scratch" >"$scratch/visits"
visitor=$behind
within 10 grep -q served "$scratch/visits"
for _turn in 1 2 3; do on 1 "$goop" restart "$scratch/meet" svc-rendezvous >/dev/null; done
kill -KILL "$(pid_of meet svc-rendezvous)"
within 10 sh -c "'$goop' status --json '$scratch/meet' | jq -e '.services[0].deaths | length == 1'"
within 10 ready meet
same health "$(on 1 curl -s --max-time 10 http://127.0.0.1:8787/healthz)" ok
touch "$scratch/enough"
within 25 sh -c "! kill -0 $visitor 2>/dev/null"
echo "    $(grep -c . "$scratch/visits") visits meanwhile"
! grep -q refused "$scratch/visits" || fail "$(grep -c refused "$scratch/visits") were refused"

story "it says that it stops"
"$goop" stop "$scratch/meet" >/dev/null
within 5 grep -q STOPPING=1 "$scratch/heard"

if command -v systemd-analyze >/dev/null; then
	story "the units leave an attacker little: an exposure below 2.0"
	for unit in packaging/systemd/*.service; do
		exits 0 systemd-analyze security --offline=true --no-pager --threshold=20 "$unit"
	done
fi
finish
