#!/bin/sh
# The rendezvous server in public: behind nginx and behind Caddy, by the examples in packaging/, with TLS and a
# local CA.
. "$(dirname "$0")/lib.sh"

for tool in nginx caddy openssl; do
	command -v $tool >/dev/null || fail "$tool is missing"
done
lans 1 1 1
url=https://meet.example
join='{"presence":{"rendezvous_wan":"'$url'"},"profile":{"label":"%s"},"viewer":{"http_addr":"127.0.0.1:8080"}}'
peer 1 alice "$(printf "$join" alice)"
peer 2 bob "$(printf "$join" bob)"
server 3 meet '{"presence":{"rendezvous_host":true,"rendezvous_only":true,"rendezvous_bind":"127.0.0.1",
	"external_url":"https://meet.example/","admin_password":"secret"},
	"rendezvous":{"limits":{"unsigned_per_minute":3}}}'
echo 'the workshop of bob' >"$scratch/bob/site/index.html"

# A CA that these three hosts trust, and nobody else, and a name that they know.
tls=$scratch/tls
mkdir "$tls"
certificate() { # name openssl-arguments...
	_file=$1
	shift
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -keyout "$tls/$_file.key" \
		-out "$tls/$_file.pem" "$@" 2>/dev/null
}
certificate ca -subj '/CN=A CA of this test'
certificate meet -subj /CN=meet.example -CA "$tls/ca.pem" -CAkey "$tls/ca.key" \
	-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:meet.example
certificate other -subj '/CN=Another CA'
for host in 1 2 3; do
	mkdir -p "$(etc "$host" ssl/certs)"
	cat "$tls/ca.pem" >"$(etc "$host" ssl/certs/ca-certificates.crt)"
	printf '127.0.0.1 localhost\n10.77.3.103 meet.example\n' >"$(etc "$host" hosts)"
done

start_nginx() {
	sed "s|/etc/letsencrypt/live/meet.example/fullchain.pem|$tls/meet.pem|
		s|/etc/letsencrypt/live/meet.example/privkey.pem|$tls/meet.key|" packaging/nginx/goop.conf >"$scratch/goop.conf"
	grep -c "$tls" "$scratch/goop.conf" | grep -qx 2 || fail "goop.conf has other certificates"
	cat >"$scratch/nginx.conf" <<-END
		daemon off; pid $scratch/nginx.pid; error_log $scratch/nginx.log;
		events { }
		http {
			access_log off; gzip on; gzip_types *;
			client_body_temp_path $scratch/nginx-1; proxy_temp_path $scratch/nginx-2;
			fastcgi_temp_path $scratch/nginx-3; uwsgi_temp_path $scratch/nginx-4; scgi_temp_path $scratch/nginx-5;
			include $scratch/goop.conf;
		}
	END
	behind 3 nginx -e "$scratch/nginx.log" -c "$scratch/nginx.conf"
}

start_caddy() {
	sed "s|^{|&\n\tadmin off|
		s|^meet.example {|&\n\ttls $tls/meet.pem $tls/meet.key|" packaging/caddy/Caddyfile >"$scratch/Caddyfile"
	behind 3 env "XDG_DATA_HOME=$scratch" "XDG_CONFIG_HOME=$scratch" "HOME=$scratch" \
		caddy run --config "$scratch/Caddyfile" --adapter caddyfile 2>"$scratch/caddy.log"
}

# Is that peer's subscription up, in the words of its status? And: it runs, and says that it is not.
joined() { # name
	_said=$(status_of "$1" .rendezvous)
	echo "$_said"
	case $_said in *"$url connected since"*) ;; *) return 1 ;; esac
}
parted() { # name
	_said=$(status_of "$1" .rendezvous)
	echo "$_said"
	case $_said in *"$url not connected: "*) ;; *) return 1 ;; esac
}

somebody=12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp
publish() { # host [curl options]: the status of an unsigned message
	_on=$1
	shift
	on "$_on" curl -s -o /dev/null -w '%{http_code}' "$@" -d \
		"{\"type\":\"online\",\"peerId\":\"$somebody\",\"content\":\"new $(date +%s%N)\",\"ts\":$(date +%s%3N)}" $url/publish
}

deployment() { # nginx or caddy
	story "behind $1: TLS with a certificate that peers check"
	start meet
	"start_$1"
	proxy=$behind
	within 10 on 1 curl -sf $url/healthz
	exits 60 on 1 curl -s --cacert "$tls/other.pem" "$url/healthz"

	story "behind $1: people are shown the public URL"
	same status "$(status_of meet .rendezvous_urls)" "$url"
	contains page "$(on 1 curl -s $url/)" "$url"
	same plain-http "$(on 1 curl -s -o /dev/null -w '%{redirect_url}' http://meet.example/)" "$url/"

	story "behind $1: metrics are not for strangers, the admin's pages for the admin"
	same metrics "$(on 1 curl -s -o /dev/null -w '%{http_code}' $url/metrics)" 401
	same nobody "$(on 1 curl -s -o /dev/null -w '%{http_code}' $url/admin)" 401
	same admin "$(on 1 curl -s -o /dev/null -w '%{http_code}' -u admin:secret $url/admin)" 200

	story "behind $1: events arrive as they are made, also to those who take compressed answers"
	: >"$scratch/events"
	behind 1 curl -sN --compressed -o "$scratch/events" $url/events
	within 5 grep -q ': ok' "$scratch/events"
	same published "$(publish 2)" 204
	within 5 grep -q "$somebody" "$scratch/events"
	kill "$behind"

	story "behind $1: limits count for the client's address, whatever it says of itself"
	for code in 204 204 204 429; do same publish "$(publish 1)" $code; done
	same forged "$(publish 1 -H 'X-Forwarded-For: 10.77.2.102')" 429
	same forged-list "$(publish 1 -H 'X-Forwarded-For: 1.2.3.4, 127.0.0.1' -H 'Forwarded: for=1.2.3.4')" 429
	same another "$(publish 2)" 204

	story "behind $1: peers meet and visit"
	start alice bob
	within 10 joined alice
	within 10 lists alice bob
	within 10 lists bob alice
	same page "$(get alice "/p/$(id_of bob)/")" "the workshop of bob"

	story "behind $1: a restart of the proxy goes by"
	kill "$proxy"
	within 20 parted alice
	"start_$1"
	proxy=$behind
	within 20 joined alice
	within 20 joined bob
	within 10 lists alice bob
	for name in alice bob meet; do "$goop" stop "$scratch/$name" >/dev/null; done
	kill "$proxy"
	within 10 sh -c "! kill -0 $proxy 2>/dev/null"
}

deployment nginx
deployment caddy
finish
