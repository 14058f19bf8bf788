#!/bin/sh
# Makes the Python environment of the caller, once. The list of what is in it is copied last and marks it as whole.
# UNDERSTUDY_CACHE changes where it lives.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}/venv-caller
stamp=$venv/requirements.txt

if cmp -s "$here/requirements.txt" "$stamp" && "$venv/bin/python" -c 'import grpc' 2>/dev/null; then
  exit 0
fi

rm -rf "$venv"
mkdir -p "$(dirname "$venv")"
if ! python3 -m venv "$venv"; then
  echo "python3 cannot make environments: apt-get install -y python3-venv" >&2
  exit 1
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
cp "$here/requirements.txt" "$stamp"
