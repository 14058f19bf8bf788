#!/bin/sh
# Makes the Python environment of the probe, once. The list of what is in it is copied last and marks it as whole.
# UNDERSTUDY_CACHE changes where it lives.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}/venv
stamp=$venv/requirements.txt

if cmp -s "$here/requirements.txt" "$stamp" && "$venv/bin/python" -c 'import aiortc' 2>/dev/null; then
  exit 0
fi

rm -rf "$venv"
mkdir -p "$(dirname "$venv")"
if ! python3 -m venv "$venv"; then
  echo "python3 cannot make environments: apt-get install -y python3-venv" >&2
  exit 1
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
ln -s "$("$venv/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')" "$venv/bin/ffmpeg"
# What tests say of a current ffmpeg they say of this one. Other machines have others.
if [ "$(uname -m)" = x86_64 ]; then
  echo "0d709a0bed1a43f24cd2c420878c63afea4580671b6949ad19ed124572f3bc3d  $venv/bin/ffmpeg" | sha256sum --check --quiet
fi
cp "$here/requirements.txt" "$stamp"
