#!/usr/bin/env bash
# ffmpeg 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). A film in an MP4 file is played three times
# (-stream_loop 2) and copied into a transport stream, once as it is and once with h264_mp4toannexb named, the filter that the
# muxer takes by itself.
#
# One would expect: the picture is there three times either way, for the filter says nothing else than the muxer does.
# What happens: with the filter named, ffmpeg 5.1.9 copies the picture of the first round and none after it: the filter was told
# of an end between two rounds. The sound goes on through all three, two lines are written for each packet that is refused, and the exit code is 0.
# ffmpeg 9.0.2 copies all.
#
# Packets of a film of 50 pictures, seen on 2026-11-30:
#   5.1.9: as it is 150, filtered 50 with 200 lines of messages; of sound as many either way
#   9.0.2: as it is 150, filtered 150 with none
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=2 -f lavfi -i sine=duration=2 -c:v libx264 -g 25 -bf 0 -c:a aac film.mp4

# copied PROGRAM OPTION…: packets of picture and sound that come out of three rounds.
copied() {
  local program=$1 code=0 of
  shift
  "$program" -nostdin -y -v warning -stream_loop 2 -i film.mp4 -map 0 -c copy "$@" -f mpegts out.ts 2>said || code=$?
  for of in v a; do
    ffprobe -v error -select_streams $of -count_packets -show_entries stream=nb_read_packets -of csv=p=0 out.ts | awk 'NR == 1'
  done | paste -sd ' ' | sed "s/\$/; exit $code, $(wc -l <said) lines/"
}

sees "ffmpeg, as it is" '150 *; exit 0, 0 lines' "$(copied ffmpeg)"
sound=$(copied ffmpeg | cut -d ' ' -f 2)
sees "ffmpeg, filtered" "50 $sound exit 0, 200 lines" "$(copied ffmpeg -bsf:v h264_mp4toannexb)"
sees "./ffmpeg, as it is" '150 *; exit 0, 0 lines' "$(copied ./ffmpeg)"
sees "./ffmpeg, filtered" '150 *; exit 0, 0 lines' "$(copied ./ffmpeg -bsf:v h264_mp4toannexb)"
