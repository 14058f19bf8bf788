#!/bin/sh
# Fetches what clients in Node.js are made of, once, as package-lock.json says. The lock file is copied last and marks it
# as whole. UNDERSTUDY_CACHE changes where it lives.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
to=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}/clients

command -v npm >/dev/null || { echo "clients: npm is missing; install Node.js 20 or newer" >&2; exit 1; }
if cmp -s "$here/package-lock.json" "$to/whole"; then exit 0; fi

rm -rf "$to"
mkdir -p "$to"
cp "$here/package.json" "$here/package-lock.json" "$to/"
npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel error
cp "$here/package-lock.json" "$to/whole"
