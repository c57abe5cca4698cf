#!/bin/sh
# run.sh [WORD]: two hosts; Chromium sits at alice's, and then before a rendezvous server. With a word only the
# tests that have it in their name.
. "$(dirname "$0")/../system/lib.sh"

node=$(tests/node.sh)
cd tests/browser
[ -d node_modules/playwright-core ] && [ -d node_modules/jsqr ] || npm ci --no-audit --no-fund --loglevel=error
cd "$root"

word=${1:-}
wanted() { case $1 in *"$word"*) ;; *) return 1 ;; esac; }
SHOTS=${SHOTS:-$root/build/screenshots}
export GOOP="$goop" SHOTS
lan 2
peer 1 alice '{"profile":{"label":"alice"}}'
peer 2 bob '{"profile":{"label":"bob"}}'
for name in alice bob; do
	rm -rf "$scratch/$name/site"
	cp -r "packaging/demo/$name" "$scratch/$name/site"
	cp packaging/demo/guestbook.js "$scratch/$name/site/"
done
browse() { # test
	(cd tests/browser && on 1 timeout 240 "$node" --test "$1.test.js") || fail "the browser test $1"
}

if wanted visit; then
	start alice
	export ALICE="$scratch/alice" BOB="$scratch/bob" BOB_NET="$net-2"
	story "a person visits with Chromium"
	browse visit
fi
if wanted rendezvous; then
	server 1 meet '{"presence":{"rendezvous_host":true,"rendezvous_only":true,"rendezvous_bind":"::","admin_password":"secret"}}'
	start meet
	export SERVER=http://10.77.0.1:8787 SERVER_DIR="$scratch/meet"
	story "the rendezvous server's pages in Chromium"
	browse rendezvous
fi
finish
