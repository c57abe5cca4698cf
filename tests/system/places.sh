#!/bin/sh
# Machines of every kind: only loopback, only IPv6, addresses that change, other mDNS software beside.
. "$(dirname "$0")/lib.sh"

story "two peers on a machine whose only interface is loopback"
alone
peer 1 left '{"profile":{"label":"left"}}'
peer 1 right '{"profile":{"label":"right"},"viewer":{"http_addr":"127.0.0.1:8081"}}'
echo 'right here' >"$scratch/right/site/index.html"
start left right
within 10 lists left right
within 10 lists right left
same page "$(get left "/p/$(id_of right)/")" "right here"
"$goop" stop "$scratch/left" >/dev/null
within 3 lists_not right left
"$goop" stop "$scratch/right" >/dev/null
ip netns del "$net-1"

story "beside other mDNS software that holds the port"
lan 2
printf '[server]\nhost-name=other\nenable-dbus=no\nuse-ipv6=yes\n[publish]\npublish-workstation=yes\n' >"$scratch/avahi.conf"
behind 1 avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$scratch/avahi.conf" >"$scratch/avahi.log" 2>&1
avahi=$behind
holds_port() { on 1 ss -Hlun 'sport = :5353' | grep -q 5353; }
within 10 holds_port
peer 1 beside
peer 2 away
echo 'beside' >"$scratch/beside/site/index.html"
start beside away
within 10 lists beside away
within 10 lists away beside
same page "$(get away "/p/$(id_of beside)/")" beside
kill -0 "$avahi" || fail "the other software has gone"
"$goop" stop "$scratch/beside" >/dev/null
"$goop" stop "$scratch/away" >/dev/null
kill "$avahi"
for i in 0 1 2; do ip netns del "$net-$i"; done

story "two peers on a network with IPv6 alone"
lan 2
ip -n "$net-1" addr del 10.77.0.1/24 dev eth0
ip -n "$net-2" addr del 10.77.0.2/24 dev eth0
peer 1 six
peer 2 sixty
echo 'over six' >"$scratch/sixty/site/index.html"
start six sixty
within 10 lists six sixty
within 10 lists sixty six
same page "$(get six "/p/$(id_of sixty)/")" "over six"

story "an address that appears is announced and used"
ip -n "$net-1" addr add 10.77.0.1/24 dev eth0
ip -n "$net-2" addr add 10.77.0.2/24 dev eth0
addresses() { "$goop" peers --json "$scratch/six" | jq -r '.[].addresses | join(" ")'; }
hears() { addresses | grep -q "$1"; }
within 10 hears 10.77.0.2

story "an interface that goes and comes back with another address"
ip -n "$net-2" link set eth0 down
ip -n "$net-2" addr flush dev eth0
ip -n "$net-2" addr add 10.77.0.22/24 dev eth0
ip -n "$net-2" addr add fd77::22/64 dev eth0 nodad
ip -n "$net-2" link set eth0 up
within 60 hears 10.77.0.22
visit() { get six "/p/$(id_of sixty)/" | grep -q 'over six'; }
within 60 visit
finish
