#!/bin/sh
# The way to a rendezvous server fails: its name is not known, and later nothing passes any more, without a word. It
# takes a minute, since a connection counts as dead when two pings of 25 s were missed.
. "$(dirname "$0")/lib.sh"

lans 1 1 1
url=http://meet.example:8787
join='{"presence":{"rendezvous_wan":"'$url'"},"profile":{"label":"%s"},"viewer":{"http_addr":"127.0.0.1:8080"}}'
peer 1 alice "$(printf "$join" alice)"
peer 2 bob "$(printf "$join" bob)"
server 3 meet
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
hosts_file=$(etc 1 hosts)
echo '127.0.0.1 localhost' >"$hosts_file"
echo 'nameserver 127.0.0.1' >"$(etc 1 resolv.conf)"
printf '127.0.0.1 localhost\n10.77.3.103 meet.example\n' >"$(etc 2 hosts)"

says() { # name text: in the words of its status
	status_of "$1" .rendezvous | grep -q "$2"
}

story "a name that is not known is said, and asked for again"
start meet alice bob
within 10 says bob 'connected since'
within 10 says alice 'not connected: .*resolve host'
echo '10.77.3.103 meet.example' >>"$hosts_file"
within 15 says alice 'connected since'
within 10 lists alice bob
within 10 lists bob alice

story "nothing passes any more, without a word: others miss the peer, and it says what it misses"
on 0 ip route add blackhole 10.77.1.101/32
on 0 ip route flush cache
within 25 says alice 'our presence is not taken: .*time'
within 40 lists_not bob alice
within 60 says alice 'not connected: nothing came for two pings'

story "when the way is there again it is found, and both are listed"
on 0 ip route del blackhole 10.77.1.101/32
within 25 says alice 'connected since'
within 10 lists alice bob
within 10 lists bob alice
same page "$(get alice "/p/$(id_of bob)/")" "the workshop of bob"
finish
