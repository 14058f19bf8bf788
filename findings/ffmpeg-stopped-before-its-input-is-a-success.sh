#!/usr/bin/env bash
# ffmpeg 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). One SIGINT to an ffmpeg that waits for somebody to
# connect to its input, and one to an ffmpeg that is recording.
#
# One would expect: an ffmpeg that was stopped before it had any input has failed; one that was told to stop its recording, and
# finished the file, has done what was wanted.
# What happens: with ffmpeg 9 the other way round. The first one ends with 0 and has made no file; the second one ends with
# 255 and its file is whole. ffmpeg 5 at least ends with 1 while it waits. SIGTERM does the same. Whoever judges by the code,
# restarts the wrong one.
#
# Seen on 2026-11-28, by SIGINT and by SIGTERM:
#   5.1.9: waiting: exit 1, no file    recording: exit 255, a file that plays
#   9.0.2: waiting: exit 0, no file    recording: exit 255, a file that plays
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

# stopped SIGNAL UNTIL PROGRAM INPUT…: the exit code after one signal, and what became of the file.
stopped() {
  local signal=$1 until=$2 program=$3 code=0
  shift 3
  rm -f film.mkv
  "$program" -nostdin -hide_banner "$@" -y film.mkv >log 2>&1 &
  until_true 20 "$until" || true
  kill -s "$signal" $!
  wait $! || code=$?
  if [ ! -e film.mkv ]; then
    echo "exit $code, no file"
  elif ffmpeg -nostdin -v error -xerror -i film.mkv -f null - 2>/dev/null; then
    echo "exit $code, a file that plays"
  else
    echo "exit $code, a broken file"
  fi
}
listening() { grep -q "^ *[0-9]*: 0100007F:$(printf %04X "$port") 00000000:0000 0A" /proc/net/tcp; }
recording() { [ "$(stat -c %s film.mkv)" -gt 100000 ]; }

for program in ffmpeg ./ffmpeg; do
  if [ $program = ffmpeg ]; then waited=1; else waited=0; fi
  for signal in INT TERM; do
    port=$(python/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    sees "$program, SIG$signal, waiting for its input" "exit $waited, no file" \
      "$(stopped $signal listening $program -i "tcp://127.0.0.1:$port?listen=1" -c copy)"
    sees "$program, SIG$signal, recording" "exit 255, a file that plays" \
      "$(stopped $signal recording $program -re -f lavfi -i testsrc2=size=320x240:rate=25 -c:v mpeg2video -q:v 1)"
  done
done
