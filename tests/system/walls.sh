#!/bin/sh
# Every service in the wrong hands: what runs here is the product with one object more, which tries on demand
# what a stranger would try who runs code in it (tests/misbehave). All must fail, and be seen.
. "$(dirname "$0")/lib.sh"
make -s walls-tools
product=$goop
goop=$root/build/misbehave/bin/goop-supervisor

# tries SERVICE WHAT...: prints what came of it, "" when it died of it.
tries() {
	_service=$1
	shift
	(cd "$scratch/mallory" && python3 -c '
import socket, sys, json
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect("run/control.sock")
ask = {"ask": "report", "what": "misbehave " + sys.argv[2], "service": sys.argv[1]}
s.sendall(json.dumps(ask).encode() + b"\n")
print(list(json.loads(s.makefile().readline())["reports"].values())[0] or "")' "$_service" "$*")
}

death_of() {
	status_of mallory ".services[] | select(.name == \"$1\") | .last_death"
}

# dies SERVICE CALL WHAT...: it is killed for that call, status says so, and it is there again.
deaths=
dies() {
	_service=$1 _call=$2
	shift 2
	deaths="$deaths $_service"
	# A restart forgives deaths; more than five in a minute are too many.
	[ $(($(echo "$deaths" | grep -o "$_service" | wc -l) % 4)) -ne 0 ] || "$goop" restart "$scratch/mallory" "$_service" >/dev/null
	within 10 ready mallory
	tries "$_service" "$@" >/dev/null
	within 5 died_of "$_service" "$_call"
	within 10 ready mallory
	grep -q "system call that is not allowed here: $_call" "$scratch/mallory/log/$_service.log" ||
		fail "the log of $_service does not name $_call"
}

died_of() {
	case $(death_of "$1") in "killed by SIGSYS "*"walls: "*" $2"*) ;; *) return 1 ;; esac
}

# refused SERVICE ERROR WHAT...
refused() {
	_service=$1 _error=$2
	shift 2
	same "$_service $*" "$(tries "$_service" "$@")" "$_error"
}

status_tells_of_refusals() {
	"$goop" status "$scratch/mallory" | grep -q "refused: "
}

alone
peer 1 mallory '{"presence":{"rendezvous_host":true,"rendezvous_port":8787}}'
peer 1 bystander
start mallory
within 10 ready mallory
key=data/identity.key

story "the product knows no misbehaviour"
for program in "$root"/build/bin/svc-*; do
	! grep -qa 'misbehav' "$program" || fail "$program can misbehave"
	! nm "$program" | grep -qE '__wrap_|misbehav' || fail "$program can misbehave"
done
grep -qa 'no such misbehaviour' build/misbehave/bin/svc-db || fail "and this one cannot"

story "status tells of every wall, and that each service is a user of its own"
for row in svc-transport:60701 svc-discovery:60702 svc-db:60703 svc-viewer:60704 svc-rendezvous:60705; do
	service=${row%:*} user=${row#*:} pid=$(pid_of mallory "${row%:*}")
	contains "$service" "$(status_of mallory ".services[] | select(.name == \"$service\") | .walls")" "seccomp uid($user)"
	same "user of $service" "$(awk '/^Uid:/ { print $2, $3, $4 }' "/proc/$pid/status")" "$user $user $user"
	same "groups of $service" "$(awk '/^Groups:/ { print $2 }' "/proc/$pid/status")" ""
	same "room for processes of $service" "$(awk '/^Max processes/ { print $3 }' "/proc/$pid/limits")" 0
	same "filter of $service" "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")" 2
done
contains status "$("$goop" status "$scratch/mallory")" "walls: landlock"
[ "$(readlink "/proc/$(pid_of mallory svc-db)/ns/net")" != "$(readlink "/proc/$(pid_of mallory svc-viewer)/ns/net")" ] ||
	fail "svc-db shares the network"

story "the key is locked in memory that leaves no core file and lets nobody look in"
pid=$(pid_of mallory svc-transport)
[ "$(awk '/^VmLck:/ { print $2 }' "/proc/$pid/status")" -gt 0 ] || fail "nothing is locked"
same "core files" "$(awk '/^Max core/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
same "owner of its memory" "$(stat -c %u "/proc/$pid/mem")" 0

story "the key is in that memory and nowhere else, once made, once read, and at the end not even there"
only_locked() { # what was found
	case $1 in "searched "*) fail "the key was not found at all, so the search is blind" ;; *"searched "[1-9]*) ;; *) fail "not searched: $1" ;; esac
	echo "$1" | grep -v '^searched ' | grep -vE ' r--p .* lo .*dd' && fail "elsewhere" || true
}
gone() { # what was found
	case $1 in "waiting
searched "[1-9]*) ;; *) fail "left behind: $1" ;; esac
}
for life in made read; do
	pid=$(pid_of mallory svc-transport)
	only_locked "$(tests/system/secret.py "$scratch/mallory/$key" "$pid")"
	tests/system/secret.py "$scratch/mallory/$key" "$pid" end >"$scratch/end.$life" &
	searches=$!
	within 5 grep -q waiting "$scratch/end.$life"
	"$goop" restart "$scratch/mallory" svc-transport >/dev/null
	wait "$searches" || fail "the search at the end of a key that was $life"
	gone "$(cat "$scratch/end.$life")"
	within 10 ready mallory
done

story "nobody opens the key, the database or /etc/passwd, or makes a file"
for service in svc-transport svc-db svc-rendezvous; do
	for file in $key data.db; do dies $service openat open $file; done
	dies $service openat2 openat2 /etc/passwd
	dies $service openat write site/new
done
for service in svc-discovery svc-viewer; do
	for file in $key data.db goop.json /etc/passwd; do
		refused $service EACCES open $file
		refused $service EACCES openat2 $file
	done
	refused $service EACCES write site/new
	within 5 status_tells_of_refusals
	for call in openat openat2; do
		grep -q "refused $call \"/etc/passwd\"" "$scratch/mallory/log/$service.log" || fail "$call is not in the log"
	done
	dies $service unlink unlink run/control.sock
done

story "nobody opens a foreign socket, dials where it should not, or takes a port"
dies svc-transport socket socket 17
dies svc-discovery socket socket 17
dies svc-viewer socket socket 2
dies svc-db socket socket 10
dies svc-viewer socket dial 80
dies svc-db socket dial 80
dies svc-rendezvous socket socket 17
dies svc-rendezvous socket dial 80
refused svc-discovery EACCES dial 25
dies svc-transport bind listen 8099
refused svc-discovery EACCES listen 8099

story "nobody runs a program, forks, traces or kills a sibling, or makes code"
for service in svc-transport svc-discovery svc-db svc-viewer svc-rendezvous; do
	dies $service execve exec /bin/sh
	for way in fork clone thread "spawn /bin/sh"; do dies $service clone $way; done
	dies $service ptrace ptrace "$(pid_of mallory svc-transport)"
	before=$(pid_of mallory svc-viewer)
	[ $service = svc-viewer ] || {
		dies $service kill kill "$before"
		same "the pid of svc-viewer" "$(pid_of mallory svc-viewer)" "$before"
	}
	dies $service mmap code
done

story "who blocks the signal that would name the call dies of it all the same, and status says what is known"
tries svc-db silently >/dev/null
silent() { case $(death_of svc-db) in *"behind its walls): which is not known, it had blocked the signal") ;; *) return 1 ;; esac; }
within 5 silent
grep -q 'svc-db.*which is not known' "$scratch/mallory/log/supervisor.log" || fail "not in the log"
within 10 ready mallory

story "nobody reaches the supervisor or takes another's place on the bus"
dies svc-db connect claim run/viewer-transport.ipc
dies svc-transport connect claim run/viewer-db.ipc
dies svc-transport connect claim run/control.sock
dies svc-rendezvous connect claim run/viewer-db.ipc
refused svc-viewer EACCES claim run/db-transport.ipc
refused svc-discovery EACCES claim run/control.sock

story "on a socket that it may reach, nobody greets as another, as an earlier life or without the token"
# Links of svc-transport: that of svc-viewer, who tries it, or all others'.
links_of() { # == or !=
	"$goop" links --json "$scratch/mallory" |
		jq -c ".\"svc-transport\"[] | select(.peer $1 \"svc-viewer\") | [.peer, .up, .generation]"
}
told() { grep -c "svc-transport reports: link with svc-viewer: $1" "$scratch/mallory/log/supervisor.log"; }
told_more() { [ "$(told "$1")" -gt "$2" ]; }
# Again until it is: while a pairing is fresh nobody is told of a token before.
told_in_the_end() { # what, more than, SERVICE own|old GENERATION
	told_more "$1" "$2" || {
		tries svc-viewer greet run/viewer-transport.ipc "$3" "$4" "$5"
		false
	}
}
not_heard() { # what is told of it, SERVICE own|old GENERATION
	_told=$1
	_before=$(told "$_told" || true)
	shift
	refused svc-viewer done greet run/viewer-transport.ipc "$@"
	within 5 told_in_the_end "$_told" "$_before" "$@"
	contains "status" "$(status_of mallory '.services[] | select(.name == "svc-transport") | .alarm')" "link with svc-viewer: $_told"
	case $(tries svc-viewer answered) in ENOMSG | EAGAIN) ;; *) fail "greeted back: $*" ;; esac
}
refused svc-viewer done keep
"$goop" restart "$scratch/mallory" svc-transport >/dev/null
within 10 ready mallory
neighbours=$(links_of !=)
not_heard "somebody greets in its name without its token" svc-viewer old 0
not_heard "somebody greets in its name without its token" svc-db old 0
for service in svc-db svc-discovery; do not_heard "bad message HELLO" $service own 0; done
not_heard "bad message HELLO" svc-viewer own 1
same "the neighbours' links" "$(links_of !=)" "$neighbours"
contains "the neighbours" "$neighbours" '["svc-db",true,'
! grep -qE 'svc-(db|discovery) is gone: (bad|greeted|new)' "$scratch/mallory/log/svc-transport.log" || fail "a neighbour was disturbed"
# So the probe is not blind: as itself it is greeted back.
greeted_back() { [ "$(tries svc-viewer answered)" = done ]; }
refused svc-viewer done greet run/viewer-transport.ipc svc-viewer own 0
within 5 greeted_back
"$goop" restart "$scratch/mallory" svc-viewer >/dev/null
within 10 ready mallory
contains "its own link" "$(links_of ==)" '["svc-viewer",true,'

story "a message that is not its own is refused, told, and signs nothing"
refused svc-db done say 50 transport
within 5 grep -q 'svc-transport reports: .*svc-db' "$scratch/mallory/log/supervisor.log"
refused svc-viewer done say 51 transport
within 5 grep -q 'svc-transport reports: .*svc-viewer' "$scratch/mallory/log/supervisor.log"
refused svc-discovery done say 53 transport
within 5 grep -q 'svc-transport reports: .*svc-discovery' "$scratch/mallory/log/supervisor.log"
contains status "$("$goop" status "$scratch/mallory")" "alarm: link with svc-discovery: "
! grep -q SIGNATURE "$scratch"/mallory/log/*.log || fail "something was signed"

story "after all that the peer works, and an honest one as root or in a closed folder does, too"
within 10 ready mallory
same "its page" "$(get mallory / -o /dev/null -w '%{http_code}' -L)" 200
"$goop" stop "$scratch/mallory" >/dev/null
goop=$product
chmod 700 "$scratch/bystander"
start bystander
contains "a closed folder" "$("$goop" status "$scratch/bystander")" "the folder is closed to other users"
same warnings "$(grep -c 'not all walls' "$scratch/bystander/log/supervisor.log")" 1
"$goop" stop "$scratch/bystander" >/dev/null

story "no service has what the supervisor or another has open, nor what the supervisor was started with"
exec 5<"$0" 7<>"$scratch/tag" 9</etc/passwd
behind 1 "$goop" start "$scratch/bystander" >/dev/null 2>&1
within 10 ready bystander
for service in svc-viewer svc-db; do "$goop" restart "$scratch/bystander" $service >/dev/null; done
supervisor=$(cat "$scratch/bystander/run/pid")
services=$(status_of bystander '[.services[].pid | tostring] | join(",")')
for fd in 5 7 9; do
	contains "what it was started with" "$(tests/system/descriptors.py $$ "$supervisor")" "$fd of $supervisor is $fd of $$:"
done
same "what they have in common" "$(tests/system/descriptors.py "$$,$supervisor,$services" "$services" | sed 's/compared [1-9].*/nothing/')" nothing
exec 5<&- 7<&- 9<&-
"$goop" stop "$scratch/bystander" >/dev/null

story "what must be isolated does not start without"
printf '{"isolation":{"required":true}}\n' >"$scratch/bystander/goop.json"
exits 78 on 1 "$goop" start --daemon "$scratch/bystander"
contains refusal "$output" "the folder is closed to other users"
chmod 755 "$scratch/bystander"
start bystander
"$goop" stop "$scratch/bystander" >/dev/null
for lack in "landlock: Function not implemented" "seccomp: " "netns: Operation not permitted" "uid: Invalid argument"; do
	exits 78 on 1 build/test/tool/without "${lack%%:*}" "$goop" start --daemon "$scratch/bystander"
	contains refusal "$output" "$lack"
done

story "a kernel that lacks a wall is said once, and shown, and the peer works"
printf '{}\n' >"$scratch/bystander/goop.json"
lacking() { # wall service
	contains "$2 without $1" "$(status_of bystander ".services[] | select(.name == \"$2\") | .walls_lacking")" "$1: "
}
for wall in landlock seccomp netns uid; do
	rm -f "$scratch/bystander/log/supervisor.log"
	on 1 build/test/tool/without $wall "$goop" start --daemon "$scratch/bystander" >"$scratch/out" 2>&1
	contains warning "$(cat "$scratch/out")" "$wall: "
	same "warnings without $wall" "$(grep -c 'not all walls' "$scratch/bystander/log/supervisor.log")" 1
	lacking $wall svc-db
	[ $wall = netns ] || for service in svc-transport svc-discovery svc-viewer; do lacking $wall $service; done
	contains "status without $wall" "$("$goop" status "$scratch/bystander")" "$wall: "
	same "its page without $wall" "$(get bystander / -o /dev/null -w '%{http_code}' -L)" 200
	"$goop" stop "$scratch/bystander" >/dev/null
done
finish
