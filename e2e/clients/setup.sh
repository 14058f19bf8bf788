#!/bin/sh
# Fetches what clients in Node.js are made of, once, as package-lock.json says, and makes one script of the players. What it
# was made from is copied last and marks it as whole. UNDERSTUDY_CACHE changes where it lives.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
to=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}/clients

command -v npm >/dev/null || { echo "clients: npm is missing; install Node.js 20 or newer" >&2; exit 1; }
if cat "$here/package-lock.json" "$here/players.js" | cmp -s - "$to/whole"; then exit 0; fi

rm -rf "$to"
mkdir -p "$to"
cp "$here/package.json" "$here/package-lock.json" "$here/players.js" "$to/"
npm ci --prefix "$to" --legacy-peer-deps --ignore-scripts --no-audit --no-fund --loglevel error
mv "$to/players.js" "$to/entry.js"
(cd "$to" && node_modules/.bin/esbuild entry.js --bundle --format=iife --global-name=players --log-level=error --outfile=players.js)
cat "$here/package-lock.json" "$here/players.js" >"$to/whole"
