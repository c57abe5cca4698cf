#!/bin/sh
# node.sh: prints the path of a Node.js of version 20 or later. Where the machine's own is older (Debian 12 has 18), the one
# that the npm package "node" brings is put into build/node.
set -eu
cd "$(dirname "$0")/.."
if [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ]; then
	command -v node
	exit
fi
mine=$PWD/build/node/node_modules/.bin/node
[ -x "$mine" ] || npm install --prefix build/node --no-audit --no-fund --loglevel=error node@22 >&2
echo "$mine"
