#!/bin/sh
# Builds the viewer on pion, whose modules go.sum names; what is there already is neither fetched nor built again.
# UNDERSTUDY_CACHE changes where it lives.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
to=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}/pion

command -v go >/dev/null || { echo "pion: go is missing; install Go 1.24 or newer" >&2; exit 1; }
mkdir -p "$to"
cd "$here"
CGO_ENABLED=0 exec go build -mod=readonly -buildvcs=false -trimpath -o "$to/watch" .
