#!/usr/bin/env bash
# ffprobe 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). The last four of twelve seconds of an HLS stream are
# kept: its init segment and its last two media segments, one after the other, which is a fragmented MP4 file that begins at 8 s.
#
# One would expect: a duration of 4 s, as the same four seconds in a transport stream have.
# What happens: the duration is 12 s, beside a start of 8 s: of fragments it is counted from 0, not from the start.
#
# Seen on 2026-11-29: transport stream 4.000000; fragments: start 8.021016, duration 12.000000; 9.0: Duration: 00:00:12.02, start: 8.021016
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version "ffmpeg of Debian" '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

# stream FOLDER OPTION…: twelve seconds in segments of two.
stream() {
  mkdir "$1"
  ffmpeg -nostdin -v error -f lavfi -i testsrc=size=320x240:rate=25:duration=12 -f lavfi -i sine=sample_rate=48000:duration=12 \
    -c:v libx264 -bf 0 -pix_fmt yuv420p -g 25 -c:a aac -f hls -hls_time 2 -hls_list_size 0 "${@:2}" "$1/list.m3u8"
}
stream fragments -hls_segment_type fmp4
stream packets
cat fragments/init.mp4 fragments/list{4,5}.m4s >late.mp4
cat packets/list{4,5}.ts >late.ts

of() { ffprobe -v error -show_entries "format=$2" -of csv=p=0 "$1"; }
said() { ./ffmpeg -nostdin -i "$1" 2>&1 | sed -n 's/^ *\(Duration.*\), bitrate.*/\1/p'; }
last() { ffprobe -v error -show_entries packet=pts_time -of csv=p=0 "$1" | tr -d , | sort -n | tail -1; }
sees "transport stream: duration" '4.*' "$(of late.ts duration)"
sees "fragments: start" '8.0*' "$(of late.mp4 start_time)"
sees "fragments: duration" '12.0*' "$(of late.mp4 duration)"
sees "fragments: last packet" '12.0*' "$(last late.mp4)"
sees "fragments, ffmpeg 9" 'Duration: 00:00:12.0*, start: 8.0*' "$(said late.mp4)"
