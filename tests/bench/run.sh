#!/bin/sh
# run.sh [transfers|starts|memory|fanout|heartbeats|publishes]...: the figures of `make bench`, all of them into
# tests/bench/RESULTS.md. Fetches the Go modules of the comparator; nothing else in this project does.
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../packaging/deps.sh" build test bench
make -s -C "$here/../.." build/bench/raw_client bench-load
[ -x "$here/../../build/bench/peer" ] || (cd "$here/peer" && go build -o "$here/../../build/bench/peer" .)
. "$here/../system/lib.sh"

alone
on 1 ip link add eth0 type veth peer name eth1
on 1 ip addr add 10.77.0.1/24 dev eth0
on 1 ip link set eth0 up
on 1 ip link set eth1 up
peer 1 alice '{"profile":{"label":"alice"},"viewer":{"http_addr":"127.0.0.1:8080"}}'
peer 1 bob '{"profile":{"label":"bob"},"viewer":{"http_addr":"127.0.0.1:8081"}}'
peer 1 late '{"profile":{"label":"late"},"viewer":{"http_addr":"127.0.0.1:8082"}}'
peer 1 idle '{"profile":{"label":"idle"},"viewer":{"http_addr":"127.0.0.1:8083"},"p2p":{"mdns_tag":"idle"}}'
head -c 67108864 /dev/urandom >"$scratch/bob/site/big.bin"
head -c 1024 /dev/urandom >"$scratch/bob/site/small.bin"
start alice bob
within 10 lists alice bob

chmod 755 "$scratch" "$scratch/bob" "$scratch/bob/site"
mkdir "$scratch/nginx"
cat >"$scratch/nginx.conf" <<TEXT
worker_processes 1; daemon off; error_log stderr; pid $scratch/nginx/pid;
events {}
http { access_log off; sendfile on; client_body_temp_path $scratch/nginx; proxy_temp_path $scratch/nginx;
fastcgi_temp_path $scratch/nginx; uwsgi_temp_path $scratch/nginx; scgi_temp_path $scratch/nginx;
server { listen 127.0.0.1:8090; root $scratch/bob/site; } }
TEXT
behind 1 nginx -c "$scratch/nginx.conf"
serving() { on 1 curl -sf -o /dev/null http://127.0.0.1:8090/small.bin; }
within 10 serving

server 1 meet '{"presence":{"rendezvous_host":true,"rendezvous_only":true,"rendezvous_bind":"127.0.0.1"}}'
files=$(ulimit -Hn)
[ "$files" != unlimited ] && [ "$files" -lt 20000 ] || files=20000
cat >"$scratch/nchan.conf" <<TEXT
load_module modules/ngx_nchan_module.so;
worker_processes 1; daemon off; error_log stderr error; pid $scratch/nginx/nchan.pid; worker_rlimit_nofile $files;
events { worker_connections $files; }
http { access_log off; client_body_temp_path $scratch/nginx; proxy_temp_path $scratch/nginx;
fastcgi_temp_path $scratch/nginx; uwsgi_temp_path $scratch/nginx; scgi_temp_path $scratch/nginx;
keepalive_requests 100000; nchan_max_reserved_memory 256m;
server { listen 127.0.0.1:8091; location = /publish { nchan_publisher; nchan_channel_id all; }
location = /events { nchan_subscriber eventsource; nchan_channel_id all; nchan_subscriber_first_message newest; } } }
TEXT

export GOOP="$goop" PEER="$root/build/bench/peer" RAW="$root/build/bench/raw_client" SCRATCH="$scratch" NGINX_PORT=8090
export LOAD="$root/build/bench"
story "bench"
on 1 "$(tests/node.sh)" tests/bench/bench.js "$@" || fail "bench"
if [ $# -eq 0 ]; then
	{
		echo "# Figures"
		echo
		echo "$(date -u +%Y-%m-%d), \`make bench\` on $(nproc) cores, Linux $(uname -r | cut -d- -f1), commit $(git rev-parse --short HEAD). Medians of at least five paired"
		echo "rounds, with the smallest and the largest in brackets; ratio is ours to the comparator's in the same round. The"
		echo "comparator is go-libp2p $(sed -n 's/.*go-libp2p \(v[0-9.]*\)$/\1/p' tests/bench/peer/go.mod | head -n 1) (\`tests/bench/peer\`), the client for all raw rows \`tests/bench/raw_client.c\`;"
		echo "that of the subscribers is nginx $(nginx -v 2>&1 | sed 's/.*nginx.//') with nchan $(dpkg-query -W -f '${Version}' libnginx-mod-nchan), with one worker."
		echo
		cat "$scratch/table.md"
		[ -f tests/bench/PROFILE.md ] && { echo; cat tests/bench/PROFILE.md; }
	} >tests/bench/RESULTS.md
fi
finish
