#!/bin/sh
# A file of 5 GiB through two peers, with a fast reader and with a stalled one: no process grows by more than its
# stream budget of 32 MiB.
. "$(dirname "$0")/../system/lib.sh"

lan 2
peer 1 alice
peer 2 bob
truncate -s 5G "$scratch/bob/site/big.bin"
printf 'the end' >>"$scratch/bob/site/big.bin"
echo small >"$scratch/bob/site/index.html"
start alice bob
within 10 lists alice bob
bob=$(id_of bob)
url=$(status_of alice .viewer_url)
budget=$((32 * 1024))

# What a process holds of its own, in KiB: anonymous memory, whatever was touched at the peak.
held() {
	awk '/^RssAnon/ { print $2 }' "/proc/$1/status"
}
all_pids() {
	for name in alice bob; do status_of "$name" '.services[].pid'; done
}
warm() { on 1 curl -sf -o /dev/null "$url/p/$bob/"; }
within 10 warm
pids_now=$(all_pids)
for pid in $pids_now; do eval "before_$pid=$(held "$pid")"; done
check_held() {
	for pid in $pids_now; do
		[ -d "/proc/$pid" ] || fail "process $pid has gone"
		eval "grown=\$(($(held "$pid") - before_$pid))"
		[ "$grown" -le "$budget" ] || fail "$(cat "/proc/$pid/comm") has grown by $grown KiB"
	done
}

story "a fast reader gets all of it and nobody grows"
mkfifo "$scratch/pipe"
behind 1 curl -s "$url/p/$bob/big.bin" -o "$scratch/pipe"
reader=$behind
tail -c 7 <"$scratch/pipe" >"$scratch/tail" &
ending=$!
while kill -0 "$reader" 2>/dev/null; do
	check_held
	sleep 0.2
done
wait "$reader" || fail "curl ended with an error"
wait "$ending"
same ending "$(cat "$scratch/tail")" "the end"

story "sixteen readers that stop reading cost a bounded amount, and an honest visit works beside them"
i=0
while [ $i -lt 16 ]; do
	behind 1 python3 -c '
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(("GET /p/%s/big.bin HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n" % (sys.argv[2], sys.argv[1])).encode())
s.recv(1000)
open(sys.argv[3], "w").close()
time.sleep(600)' "$(echo "$url" | sed 's/.*://')" "$bob" "$scratch/reading.$i"
	i=$((i + 1))
done
quiet() { # what leaves bob's interface stands still: everything has stopped at a full window
	_a=$(on 2 cat /sys/class/net/eth0/statistics/tx_bytes)
	sleep 1
	_b=$(on 2 cat /sys/class/net/eth0/statistics/tx_bytes)
	[ $((_b - _a)) -lt 100000 ]
}
all_read() { [ "$(ls "$scratch" | grep -c '^reading')" -eq 16 ]; }
within 30 all_read
within 60 quiet
check_held
same honest "$(get alice "/p/$bob/")" small
finish
