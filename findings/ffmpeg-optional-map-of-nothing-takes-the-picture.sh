#!/usr/bin/env bash
# ffmpeg 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). A film without sound goes to two outputs: its picture,
# copied, to the first; its sound, if there is any (-map 0:a:0?), to the second, as RTP.
#
# One would expect: nothing goes to the second, or that output is refused for having no stream: the map says what may go there.
# What happens: an output whose maps are all optional and match nothing is one without maps, for which ffmpeg chooses streams by itself:
# it decodes the picture, encodes it once more as MPEG-4 and sends that where sound was to go. No line is a warning, the exit code is 0.
# With one more map that does match (-map 0:a:0? -map 0:v:0) the optional one is what it says.
#
# Streams of the second output of a film of 2 s in H.264, seen on 2026-11-30:
#   5.1.9 and 9.0.2: alone "mpeg4 video", with no warning; into a file beside a map that matches, copied, "h264 video"
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=2 -c:v libx264 -bf 0 silent.mp4

# told PROGRAM: what the second output carries by its description, how many warnings there were, and the exit code.
told() {
  local code=0
  "$1" -nostdin -y -v warning -i silent.mp4 -map 0:v:0 -c copy -f null - -map '0:a:0?' -f rtp -sdp_file sound.sdp rtp://127.0.0.1:9 >/dev/null 2>said ||
    code=$?
  echo "$(grep -c '^m=video' sound.sdp) of $(grep -o 'MP4V-ES' sound.sdp | head -n 1), $(grep -ciE 'map|stream|match' said) lines of streams, exit $code"
}
# beside PROGRAM: what an output carries that has a map that matches, too.
beside() {
  "$1" -nostdin -y -v warning -i silent.mp4 -map '0:a:0?' -map 0:v:0 -c copy -f matroska both.mkv >/dev/null 2>&1
  ffprobe -v error -show_entries stream=codec_name,codec_type -of csv=p=0 both.mkv | paste -sd ' '
}

for program in ffmpeg ./ffmpeg; do
  sees "$program, alone" '1 of MP4V-ES, 0 lines of streams, exit 0' "$(told "$program")"
  sees "$program, beside a map that matches" 'h264,video' "$(beside "$program")"
done
