#!/bin/sh
# What an operator does to a peer that runs and what he sees of it, while another peer visits.
. "$(dirname "$0")/lib.sh"

lan 2
peer 1 alice
peer 2 bob
echo 'the workshop of bob' >"$scratch/bob/site/index.html"
head -c 60000000 /dev/urandom >"$scratch/bob/site/noise.bin"
# Programs of his own, to be replaced.
mkdir "$scratch/bin"
cp "$root/${BUILD:-build}"/bin/* "$scratch/bin"
start alice
on 2 "$scratch/bin/goop-supervisor" start --daemon "$scratch/bob" >/dev/null
within 10 lists alice bob
within 10 lists bob alice
bob=$(id_of bob)
alice=$(id_of alice)

visit() { get alice "/p/$bob/" | grep -q workshop; }
# A download of 60 MB in 6 s.
download() {
	rm -f "$scratch/noise"
	behind 1 curl -sS --limit-rate 10M -o "$scratch/noise" "$(status_of alice .viewer_url)/p/$bob/noise.bin"
	within 10 under_way
}
under_way() { [ "$(stat -c %s "$scratch/noise" 2>/dev/null || echo 0)" -gt 100000 ]; }
arrived() {
	wait "$behind" || fail "the download broke"
	cmp "$scratch/noise" "$scratch/bob/site/noise.bin" || fail "the file differs"
}

story "a trace names every message of a visit, at both ends of the link, and ends with its reader"
behind 1 "$goop" trace "$scratch/alice" viewer transport >"$scratch/viewer.trace"
viewer=$behind
behind 1 "$goop" trace --json "$scratch/alice" transport STREAM >"$scratch/transport.trace"
traced() { grep -q "$1" "$scratch/viewer.trace" && grep -q "$2" "$scratch/transport.trace"; }
visited() {
	visit &&
		traced 'to   svc-transport  STREAM_OPEN ' '"dir":"in","peer":"svc-viewer","message":"STREAM_OPEN"' &&
		traced 'from svc-transport  STREAM_DATA ' '"dir":"out","peer":"svc-viewer","message":"STREAM_DATA"'
}
within 5 visited
! grep -v '"message":"STREAM_' "$scratch/transport.trace" || fail "more than was asked for"
kill "$viewer" "$behind"

story "links, streams and status tell of a download, in 80 columns"
download
contains streams "$("$goop" streams "$scratch/alice")" "/goop/site/1.0.0"
"$goop" streams --json "$scratch/bob" |
	jq -e --arg who "$alice" '.["svc-viewer"] | any(.peer == $who and .direction == "in" and .bytes_out > 0)' >/dev/null ||
	fail "bob's viewer tells of no stream"
links=$("$goop" links "$scratch/bob")
echo "$links" | grep -qE 'viewer > transport +up +1 ' || fail "no stream on the link: $links"
echo "$links" | grep -qE '^  STREAM_SLOT +[1-9][0-9]* +[0-9.]+ k?B >' || fail "no data on the link: $links"
"$goop" links --json "$scratch/bob" | jq -e '.["svc-viewer"][0] | .credit_in > 0 and .sent > 0' >/dev/null || fail "no credit"
for what in status links streams; do
	same "wide lines of $what" "$("$goop" $what "$scratch/bob" | grep -v '^  folder' | grep -E '.{81}')" ""
done

story "a reload restarts those whose settings have changed"
before=$(pid_of bob svc-viewer)
jq '.profile.email = "bob@example.org"' "$scratch/bob/goop.json" >"$scratch/new.json"
cp "$scratch/new.json" "$scratch/bob/goop.json"
exits 0 "$goop" reload "$scratch/bob"
contains restarted "$output" "svc-discovery, svc-db, svc-viewer: restarted"
kill "$behind" 2>/dev/null || true
same transport "$(status_of bob '.services[] | select(.name == "svc-transport") | .restarts')" 0
[ "$(pid_of bob svc-viewer)" != "$before" ] || fail "the viewer is the same"
within 10 visit

story "an upgrade takes over new programs, and alice sees nobody go"
for program in "$scratch"/bin/svc-*; do
	cp "$program" "$scratch/new"
	mv "$scratch/new" "$program"
done
same outdated "$(status_of bob '[.services[].outdated] | all')" true
exits 0 "$goop" upgrade "$scratch/bob"
contains restarted "$output" "svc-transport, svc-discovery, svc-db, svc-viewer: restarted"
within 10 visit
within 10 lists bob alice
! grep -E "people: $bob .*(gone|offline)" "$scratch/alice/log/svc-discovery.log" || fail "bob was seen to go"

story "a new supervisor takes over in the same process, and a download goes on"
download
before=$("$goop" status --json "$scratch/bob" | jq -c '[.pid, .services[].pid]')
cp "$scratch/bin/goop-supervisor" "$scratch/new"
mv "$scratch/new" "$scratch/bin/goop-supervisor"
same outdated "$(status_of bob .outdated)" true
exits 0 "$goop" upgrade "$scratch/bob"
contains "what was said" "$output" "the new one has taken over, and the services go on"
same processes "$("$goop" status --json "$scratch/bob" | jq -c '[.pid, .services[].pid]')" "$before"
same outdated "$(status_of bob .outdated)" false
arrived

story "stop lets a download end that takes less than the grace"
# 1 s of the 3 s.
head -c 10000000 /dev/urandom >"$scratch/bob/site/noise.bin"
download
exits 0 "$goop" stop "$scratch/bob"
arrived

story "root and the owner of the folder run the same peer in turn"
user=61234 group=61235
chmod 711 "$scratch"
mkdir "$scratch/carol"
chown "$user:$group" "$scratch/carol"
peer 2 carol
printf '%s\n' '{"profile":{"label":"carol"},"presence":{"rendezvous_host":true,"peer_db_path":"data/peers.db"}}' >"$scratch/carol/goop.json"
program=$scratch/bin/goop-supervisor
by_root() { on 2 "$program" "$@"; }
by_owner() { on 2 setpriv --reuid "$user" --regid "$group" --clear-groups "$program" "$@"; }
messages() { post carol /api/data/query '{"table":"guestbook","columns":["message"]}' | jq -r '[.[].message] | join(" ")'; }
written=
for who in root owner root; do
	"by_$who" start --daemon "$scratch/carol" >"$scratch/carol.out" 2>&1 || fail "$who cannot start it: $(cat "$scratch/carol.out")"
	if [ -z "$written" ]; then
		guest_book carol
		carol=$(id_of carol)
	fi
	same "the peer of $who" "$(id_of carol)" "$carol"
	post carol /api/data/insert "{\"table\":\"guestbook\",\"data\":{\"author\":\"$who\",\"message\":\"of-$who\"}}" >/dev/null
	written="$written${written:+ }of-$who"
	same "what $who finds" "$(messages)" "$written"
	"by_$who" stop "$scratch/carol" >/dev/null
	# The sockets between services are those of the services, and root's to be asked: the next start sweeps them away.
	same "of others after $who" "$(find "$scratch/carol" \( ! -user "$user" -o ! -group "$group" \) ! -type s)" ""
	same "sockets of services" "$(find "$scratch/carol" -type s ! -path '*/run/*.ipc')" ""
done
for file in data.db log/svc-db.log log/supervisor.log data/identity.key data/peers.db data/peer-id; do
	[ -f "$scratch/carol/$file" ] || fail "there is no $file"
done

story "nothing that the owner of the folder puts in root's way is taken for what it seems to be"
mkdir -m 700 "$scratch/secret"
echo mine >"$scratch/secret/supervisor.log"
mv "$scratch/carol/log" "$scratch/carol/log.old"
mv "$scratch/carol/run" "$scratch/carol/run.old"
ln -s ../secret "$scratch/carol/log"
ln -s ../secret "$scratch/carol/run"
exits 1 by_root start --daemon "$scratch/carol"
contains "what was said" "$output" "the folder run"
same "folder of root" "$(stat -c %a "$scratch/secret")" 700
rm "$scratch/carol/run"
# A list of processes of an earlier life, which the next start ends.
behind 2 sleep 1000
mkdir "$scratch/carol/run"
echo "$behind $(cut -d ' ' -f 22 "/proc/$behind/stat")" >"$scratch/carol/run/services"
chown -R "$user:$group" "$scratch/carol/run"
exits 0 by_root start --daemon "$scratch/carol"
kill -0 "$behind" || fail "root has ended a process that the list names"
"$goop" stop "$scratch/carol" >/dev/null
same "folder of root" "$(cat "$scratch/secret"/*)" mine
finish
