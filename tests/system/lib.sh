# lib.sh: whole peers in network namespaces. To be sourced by a story, which is then a list of
# `story "what should be true"` headings and checks, and ends with `finish`.
#
# A story waits for events with `within SECONDS command...`, never for time to pass. Everything that it
# starts (peers, namespaces, processes) is gone when it ends, and on failure the peers' logs are shown.

set -eu
cd "$(dirname "$0")/../.."
root=$PWD
goop=$root/${BUILD:-build}/bin/goop-supervisor
scratch=$(mktemp -d "${TMPDIR:-/tmp}/goop-story.XXXXXX")
net=g$$ # prefix of namespaces and interfaces
hosts=0
peers=
pids=
passed=0
current="setting up"
said= # why it failed, once that has been told
began=$(date +%s)

[ "$(id -u)" -eq 0 ] || {
	echo "network namespaces need root" >&2
	exit 1
}

clean_up() {
	status=$?
	trap - EXIT INT TERM
	set +e
	if [ "$status" -ne 0 ]; then
		echo "FAILED: $current" >&2
		[ -n "$said" ] || said="a command ended with status $status, after $(($(date +%s) - began)) s"
		for peer in $peers; do
			for log in "$scratch/$peer"/log/*.log; do
				[ -f "$log" ] && { echo "--- $log" >&2; tail -n "${LOG_TAIL:-40}" "$log" >&2; }
			done
		done
	fi
	for peer in $peers; do
		"$goop" stop "$scratch/$peer" >/dev/null 2>&1
	done
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	i=0
	while [ "$i" -le "$hosts" ]; do
		ip netns del "$net-$i" 2>/dev/null
		rm -rf "/etc/netns/$net-$i"
		i=$((i + 1))
	done
	[ -n "${KEEP:-}" ] || rm -rf "$scratch"
	# Who shows the end of a log alone is to see it, too.
	[ "$status" -eq 0 ] || printf 'FAILED: %s\n    %s\n' "$current" "$said" >&2
	if [ "$status" -eq 0 ]; then echo "$passed passed, 0 failed"; else echo "$passed passed, 1 failed"; fi
	exit "$status"
}
interrupted() {
	said="ended by SIG$1 after $(($(date +%s) - began)) s"
	exit 130
}
trap clean_up EXIT
trap 'interrupted INT' INT
trap 'interrupted TERM' TERM

story() {
	[ "$current" = "setting up" ] || passed=$((passed + 1))
	current=$1
	echo "  $1"
}

finish() {
	passed=$((passed + 1))
	current=done
	exit 0
}

fail() {
	said=$*
	echo "    $*" >&2
	exit 1
}

# within SECONDS COMMAND...: runs the command every 20 ms until it succeeds. What it said last is told when it does not.
# The seconds are those of a machine with nothing else to do; one that is busy gets PATIENCE (3) times as many.
within() {
	_limit=$(($1 * ${PATIENCE:-3}))
	_end=$(($(date +%s%N) / 1000000 + _limit * 1000))
	shift
	until "$@" >"$scratch/said" 2>&1; do
		[ $(($(date +%s%N) / 1000000)) -lt "$_end" ] ||
			fail "did not become true within $_limit s: $* -- $(tail -c 400 "$scratch/said")"
		sleep 0.02
	done
}

# same WHAT FOUND EXPECTED
same() {
	[ "$2" = "$3" ] || fail "$1: found '$2', expected '$3'"
}

# contains WHAT TEXT PART
contains() {
	case $2 in
	*"$3"*) ;;
	*) fail "$1: '$3' is not in: $2" ;;
	esac
}

# exits STATUS COMMAND...: the command ends with just this status; its output is in $output.
exits() {
	_want=$1
	shift
	_got=0
	output=$("$@" 2>&1) || _got=$?
	[ "$_got" -eq "$_want" ] || fail "exit status $_got, expected $_want, of: $* -- $output"
}

# lan N: a bridge with N hosts, 10.77.0.i/24 and fd77::i/64, each with loopback.
lan() {
	hosts=$1
	ip netns add "$net-0"
	ip -n "$net-0" link add br0 type bridge mcast_snooping 0
	ip -n "$net-0" link set br0 up
	_i=1
	while [ "$_i" -le "$hosts" ]; do
		ip netns add "$net-$_i"
		ip -n "$net-$_i" link set lo up
		ip -n "$net-$_i" link add eth0 type veth peer name "p$_i" netns "$net-0"
		ip -n "$net-0" link set "p$_i" master br0 up
		ip netns exec "$net-$_i" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.dad_transmits=0
		ip -n "$net-$_i" addr add "10.77.0.$_i/24" dev eth0
		ip -n "$net-$_i" addr add "fd77::$_i/64" dev eth0 nodad
		ip -n "$net-$_i" link set eth0 up
		ip -n "$net-$_i" route add default dev eth0 2>/dev/null || true
		_i=$((_i + 1))
	done
}

# lans N...: a network for each N, with that many hosts, behind one router, which is host 0. Multicast stays
# where it is. Hosts count on from network to network: host i on network s is 10.77.s.(100 + i) and
# fd77:s::(100 + i), the router 10.77.s.1 and fd77:s::1.
lans() {
	ip netns add "$net-0"
	ip -n "$net-0" link set lo up
	on 0 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
	_s=0
	for _n in "$@"; do
		_s=$((_s + 1))
		ip -n "$net-0" link add "br$_s" type bridge mcast_snooping 0
		ip -n "$net-0" addr add "10.77.$_s.1/24" dev "br$_s"
		ip -n "$net-0" addr add "fd77:$_s::1/64" dev "br$_s" nodad
		ip -n "$net-0" link set "br$_s" up
		while [ "$_n" -gt 0 ]; do
			hosts=$((hosts + 1))
			_n=$((_n - 1))
			host_on "$hosts" "$_s"
		done
	done
}

host_on() { # host network
	ip netns add "$net-$1"
	ip -n "$net-$1" link set lo up
	ip -n "$net-$1" link add eth0 type veth peer name "p$1" netns "$net-0"
	ip -n "$net-0" link set "p$1" master "br$2" up
	on "$1" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.dad_transmits=0
	ip -n "$net-$1" addr add "10.77.$2.$((100 + $1))/24" dev eth0
	ip -n "$net-$1" addr add "fd77:$2::$((100 + $1))/64" dev eth0 nodad
	ip -n "$net-$1" link set eth0 up
	ip -n "$net-$1" route add default via "10.77.$2.1"
	ip -n "$net-$1" route add default via "fd77:$2::1"
}

# etc HOST NAME: where to put a file or folder that is /etc/NAME on that host alone, for what is started then.
etc() {
	mkdir -p "/etc/netns/$net-$1"
	echo "/etc/netns/$net-$1/$2"
}

# alone: one host whose only interface is loopback.
alone() {
	hosts=1
	ip netns add "$net-1"
	ip -n "$net-1" link set lo up
}

# on HOST COMMAND...
on() {
	_host=$1
	shift
	ip netns exec "$net-$_host" "$@"
}

# behind HOST COMMAND...: the same in the background; its pid is in $behind, and it ends with the story.
behind() {
	_host=$1
	shift
	ip netns exec "$net-$_host" "$@" &
	behind=$!
	pids="$pids $behind"
}

# peer HOST NAME [goop.json]: a peer folder $scratch/NAME on a host, not yet started.
peer() {
	"$goop" init "$scratch/$2" --label "$2" >/dev/null
	peers="$peers $2"
	eval "host_$2=$1"
	if [ $# -gt 2 ]; then printf '%s\n' "$3" >"$scratch/$2/goop.json"; fi
}

# server HOST NAME [goop.json]: a rendezvous server's folder $scratch/NAME on a host, not yet started.
server() {
	mkdir "$scratch/$2"
	peers="$peers $2"
	eval "host_$2=$1 command_$2=rendezvous"
	if [ $# -gt 2 ]; then printf '%s\n' "$3" >"$scratch/$2/goop.json"; fi
}

host_of() {
	eval "echo \$host_$1"
}

start() { # name...
	for _name in "$@"; do
		eval "_command=\${command_$_name:-start}"
		on "$(host_of "$_name")" "$goop" "$_command" --daemon "$scratch/$_name" >"$scratch/$_name.out" 2>&1 ||
			{ cat "$scratch/$_name.out" >&2; fail "$_name does not start"; }
	done
}

status_of() { # name jq-filter
	"$goop" status --json "$scratch/$1" | jq -r "$2"
}

id_of() {
	"$goop" id "$scratch/$1"
}

pid_of() { # name service
	status_of "$1" ".services[] | select(.name == \"$2\") | .pid"
}

# Does the peer list somebody with this label?
lists() { # name label
	"$goop" peers --json "$scratch/$1" | jq -e --arg who "$2" 'any(.[]; .label == $who)' >/dev/null
}

lists_not() {
	! lists "$@"
}

# get NAME PATH [curl options]: from that peer's own viewer.
get() {
	_name=$1 _path=$2
	shift 2
	on "$(host_of "$_name")" curl -sS --max-time 60 "$@" "$(status_of "$_name" .viewer_url)$_path"
}

# post NAME PATH JSON: as the person at that viewer.
post() {
	get "$1" "$2" -X POST -H 'Content-Type: application/json' -H "Origin: $(status_of "$1" .viewer_url)" -d "$3"
}

# The guest book of a peer, open to everybody.
guest_book() {
	post "$1" /api/data/tables/create '{"name":"guestbook",
		"columns":[{"name":"author","type":"TEXT"},{"name":"message","type":"TEXT"}]}' >/dev/null
	post "$1" /api/data/tables/set-policy '{"table":"guestbook","policy":"open"}' >/dev/null
}

ready() { # name: all its services are up
	[ "$(status_of "$1" '[.services[] | select(.state != "up")] | length')" = 0 ]
}
