#!/bin/sh
# Bad input of a person and of strangers: each gets a clear answer, and an honest visit works right after.
. "$(dirname "$0")/lib.sh"

lan 2
peer 1 alice
peer 2 bob
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
config() { printf '%s' "$1" >"$scratch/alice/goop.json"; }

story "a setting of the wrong type: file, line, column, what was found, what is allowed"
config '{
  "p2p": { "listen_port": "many" }
}'
exits 78 "$goop" check "$scratch/alice"
contains place "$output" "goop.json:2:"
contains found "$output" "many"
contains allowed "$output" "0"
exits 78 on 1 "$goop" start "$scratch/alice"
contains key "$output" "p2p.listen_port"

story "a value out of range, a heartbeat not below the TTL"
config '{ "p2p": { "listen_port": 70000 } }'
exits 78 "$goop" check "$scratch/alice"
contains range "$output" "65535"
config '{ "presence": { "ttl_seconds": 5, "heartbeat_seconds": 5 } }'
exits 78 "$goop" check "$scratch/alice"
contains key "$output" "heartbeat_seconds"

story "no JSON: line and column of where it stops being JSON"
config '{ "profile": { "label": "x", } }'
exits 78 "$goop" check "$scratch/alice"
contains place "$output" "goop.json:1:"

story "an unknown key is a warning that names the nearest known one, and the peer starts"
config '{ "profile": { "lable": "x" } }'
exits 0 "$goop" check "$scratch/alice"
contains key "$output" "profile.lable"
contains nearest "$output" "profile.label"

story "what is not a peer folder, and a peer that does not run"
exits 3 "$goop" status "$scratch/bob"
exits 3 "$goop" stop "$scratch/bob"
exits 2 "$goop" no-such-command
exits 2 "$goop" start --no-such-option
exits 0 "$goop" --version
exits 0 "$goop" --help

story "starting twice is refused with the pid that holds the folder"
config '{ "profile": { "label": "alice" } }'
start alice
exits 1 on 1 "$goop" start "$scratch/alice"
contains pid "$output" "$(cat "$scratch/alice/run/pid")"
exits 2 "$goop" restart "$scratch/alice" svc-none

story "a port that is in use: the message names the setting"
peer 1 taken "{\"viewer\":{\"http_addr\":\"127.0.0.1:8080\"},\"profile\":{\"label\":\"taken\"}}"
exits 1 on 1 "$goop" start --daemon "$scratch/taken"
contains setting "$output" "viewer.http_addr"
"$goop" stop "$scratch/taken" >/dev/null 2>&1 || true
port=$(status_of alice .listen | grep -o '[0-9]*$')
printf '{"p2p":{"listen_port":%s},"viewer":{"http_addr":"127.0.0.1:8085"}}' "$port" >"$scratch/taken/goop.json"
exits 1 on 1 "$goop" start --daemon "$scratch/taken"
contains setting "$output" "p2p.listen_port"
"$goop" stop "$scratch/taken" >/dev/null 2>&1 || true

story "a damaged key is an error that names the file, and the file stays as it was"
printf '{"viewer":{"http_addr":"127.0.0.1:8085"}}' >"$scratch/taken/goop.json"
mkdir -p "$scratch/taken/data"
printf 'garbage' >"$scratch/taken/data/identity.key"
exits 1 on 1 "$goop" start --daemon "$scratch/taken"
contains file "$output" "identity.key"
same untouched "$(cat "$scratch/taken/data/identity.key")" garbage
"$goop" stop "$scratch/taken" >/dev/null 2>&1 || true

story "no site folder: the peer runs, visitors are told"
mv "$scratch/bob/site" "$scratch/bob/site.away"
start bob
within 10 lists alice bob
bob=$(id_of bob)
page=$(get alice "/p/$bob/" -w '%{http_code}')
contains page "$page" "site"
"$goop" stop "$scratch/bob" >/dev/null
mv "$scratch/bob/site.away" "$scratch/bob/site"
start bob
within 10 lists alice bob
honest() { get alice "/p/$bob/" | grep -q 'workshop'; }
within 10 honest

story "garbage at every layer of the transport costs that connection only"
port=$(status_of bob .listen | grep -o '[0-9]*$')
garbage() { on 1 python3 tests/system/garbage.py 10.77.0.2 "$port" "$1" || fail "garbage $1"; }
for layer in random empty multistream-long multistream-text noise-short noise-random noise-huge half-open; do
	garbage "$layer"
	honest || fail "no honest visit after $layer"
done
for service in svc-transport svc-discovery svc-db svc-viewer; do
	same "restarts of $service" "$(status_of bob ".services[] | select(.name == \"$service\") | .restarts")" 0
done

story "a data line of 10 MiB is refused and nothing is held of it"
guest_book bob
head -c 10485760 /dev/zero | tr '\0' 'a' >"$scratch/long"
printf '{"table":"guestbook","data":{"author":"' >"$scratch/big.json"
cat "$scratch/long" >>"$scratch/big.json"
printf '"}}' >>"$scratch/big.json"
code=$(get alice "/api/p/$bob/data/insert" -X POST -H 'Content-Type: application/json' --data-binary "@$scratch/big.json" -o /dev/null -w '%{http_code}')
same status "$code" 413
honest || fail "no honest visit after the long line"
finish
