#!/bin/sh
# Builds the OpenTelemetry Collector of the parts that tests look through, whose modules go.sum names; what is there already is
# neither fetched nor built again. UNDERSTUDY_CACHE changes where it lives.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
to=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}/collector

command -v go >/dev/null || { echo "collector: go is missing; install Go 1.25 or newer" >&2; exit 1; }
mkdir -p "$to"
cd "$here"
CGO_ENABLED=0 exec go build -mod=readonly -buildvcs=false -trimpath -o "$to/collector" .
