# shellcheck shell=bash
# What the findings share: a folder that goes away, versions that must be right, and how a sight is judged.
#
# A finding ends with 0 if all was seen as its header tells, with 1 if something was not, and with 2 if it could not be
# tried here: a program is missing or is of another version than the one that the finding is about.
set -euo pipefail
export LC_ALL=C.UTF-8

# shellcheck disable=SC2034 # for the findings
lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
changed=0
started=()

# Ends what was started and is still there, the last one first.
clean_up() {
  local code=$? i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill "${started[i]}" 2>/dev/null || continue
    for _ in {1..30}; do kill -0 "${started[i]}" 2>/dev/null || break; sleep 0.1; done
    kill -9 "${started[i]}" 2>/dev/null || true
    wait "${started[i]}" 2>/dev/null || true
  done
  cd / && rm -rf "$work"
  [ "$code" != 0 ] || code=$changed
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
cd "$work"

untried() {
  echo "cannot be tried here: $*" >&2
  exit 2
}

# needs PROGRAM PACKAGE: a program of Debian's, or which package brings it.
needs() { command -v "$1" >/dev/null || untried "there is no $1; it comes with the Debian package $2"; }

# version NAME WANTED FOUND: says what is tried; anything but WANTED (a pattern) is another finding.
version() {
  echo "$1 $3"
  # shellcheck disable=SC2053 # a pattern
  [[ $3 == $2 ]] || untried "this is about $1 $2"
}

# sees WHAT PATTERN FOUND: one line of what happened, and whether it is what the header tells.
sees() {
  # shellcheck disable=SC2053 # a pattern
  if [[ $3 == $2 ]]; then
    echo "  $1: $3"
  else
    echo "  $1: $3   <- CHANGED, was: $2"
    changed=1
  fi
}

# start PROGRAM…: in the background until the finding ends; its id is in $!.
start() {
  "$@" &
  started+=($!)
}

# until_true SECONDS COMMAND…: waits for something to become true, and fails when it does not.
until_true() {
  local last=$((SECONDS + $1))
  shift
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$last" ] || return 1
    sleep 0.05
  done
}

# python PACKAGE==VERSION…: makes the interpreter $work/python/bin/python with them.
python() {
  needs python3 python3
  python3 -m venv python || untried "there is no venv; it comes with the Debian package python3-venv"
  if [ $# -gt 0 ]; then python/bin/pip install --quiet --disable-pip-version-check "$@" || untried "pip install $*"; fi
}

gstreamer() {
  needs gst-launch-1.0 gstreamer1.0-tools
  version GStreamer "$1" "$(gst-launch-1.0 --version | sed -n 's/^GStreamer //p')"
  export GST_REGISTRY=$work/gstreamer-registry GST_REGISTRY_FORK=no
}

ffmpeg_version() { "$1" -version | sed -n '1s/^ffmpeg version n\{0,1\}\([0-9.]*\).*/\1/p'; }

chromium_browser() {
  needs chromium chromium
  needs python3 python3
  version Chromium "$1" "$(chromium --version 2>/dev/null | sed 's/^Chromium \([0-9.]*\).*/\1/')"
}

# page FOLDER [FLAG…]: what a page says, see page.py.
page() { python3 "$lib/page.py" "$@"; }

# new_ffmpeg: ffmpeg 9 as a package of PyPI brings it, at $work/ffmpeg.
new_ffmpeg() {
  python imageio-ffmpeg==0.8.1
  ln -s "$(python/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')" ffmpeg
  version "ffmpeg of imageio-ffmpeg 0.8.1" '9.0.*' "$(ffmpeg_version ./ffmpeg)"
}

# rust NAME DEPENDENCY…: compiles the program on standard input with these crates, to $work/NAME. A run of all findings
# compiles into one folder (FINDINGS_TARGET), so that what two of them need is compiled once.
rust() {
  needs cargo cargo
  local name=$1
  shift
  mkdir -p "crate-$name/src"
  cat >"crate-$name/src/main.rs"
  printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[profile.dev]\ndebug = false\n\n[dependencies]\n' "$name" >"crate-$name/Cargo.toml"
  printf '%s\n' "$@" >>"crate-$name/Cargo.toml"
  CARGO_TARGET_DIR=${FINDINGS_TARGET:-$work/target} cargo build --quiet --manifest-path "crate-$name/Cargo.toml"
  cp "${FINDINGS_TARGET:-$work/target}/debug/$name" "$work/$name"
  printf '%s\n' "$@" | sed 's/^\([a-z-]*\) = .*"=\([0-9.]*\)".*/\1 \2/'
}
