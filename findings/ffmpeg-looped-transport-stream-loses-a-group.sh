#!/usr/bin/env bash
# ffmpeg 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). A film of four groups of 25 pictures is played three times
# (-stream_loop 2) and decoded: from Matroska and from a transport stream, with pictures that look ahead (B-frames) and without.
#
# One would expect: three times a hundred pictures, whatever they are wrapped in.
# What happens: from a transport stream with B-frames the whole first group is missing in each round but the first, 25 pictures
# with their keyframe; two lines a seam say "co located POCs unavailable", and the exit code is 0.
#
# Seen on 2026-11-30 with both: 300 pictures without B-frames and from Matroska, 250 from a transport stream with them.
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

for ahead in 0 2; do
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=4 -c:v libx264 -preset ultrafast -g 25 -keyint_min 25 -sc_threshold 0 -bf $ahead film-$ahead.mkv
  ffmpeg -nostdin -v error -i film-$ahead.mkv -c copy film-$ahead.ts
done

# decoded PROGRAM FILE: pictures of three rounds, and the lines that were written.
decoded() {
  local code=0 count
  count=$("$1" -nostdin -v warning -stream_loop 2 -i "$2" -fps_mode passthrough -f framecrc - 2>said | grep -c '^0,') || code=$?
  echo "$count; exit $code, $(grep -c 'co located POCs unavailable' said) lines"
}

for program in ffmpeg ./ffmpeg; do
  for film in film-0.mkv film-2.mkv film-0.ts; do sees "$program, $film" '300; exit 0, 0 lines' "$(decoded $program $film)"; done
  sees "$program, film-2.ts" '250; exit 0, 4 lines' "$(decoded $program film-2.ts)"
done
