#!/usr/bin/env bash
# gst-libav 1.22.0 (Debian 12). A raw picture in exactly the format, size and rate that the encoder's pad template lists.
#
# One would expect: avenc_mpeg1video encodes I420 at 25 pictures a second; its template says so, and MPEG-1 allows it.
# What happens: avenc_mpeg1video and avenc_mpeg2video end with not-negotiated at every rate, while avenc_mpeg4 of the same
# plugin takes the same pictures. The same libavcodec encodes MPEG-1 when ffmpeg calls it. The plugin counts time in nanoseconds,
# which this encoder takes for the rate: "MPEG-1/2 does not support 1000000000/1 fps", says GST_DEBUG=libav:6.
#
# Seen on 2026-11-28: avenc_mpeg1video and avenc_mpeg2video not-negotiated at 24, 25, 30 and 50; avenc_mpeg4 56206 bytes.
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

gstreamer '1.22.*'
gst-inspect-1.0 --exists avenc_mpeg1video || untried "there is no avenc_mpeg1video; it comes with the Debian package gstreamer1.0-libav"
needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"

encoded() {
  if timeout 30 gst-launch-1.0 videotestsrc num-buffers=25 ! "video/x-raw,format=I420,width=320,height=240,framerate=$2/1" \
    ! "$1" ! filesink location=out >log 2>&1 && [ -s out ]; then
    echo "a film"
  else
    grep -o -m 1 'not-negotiated' log || tail -n 1 log
  fi
}

for rate in 24 25 30 50; do
  sees "avenc_mpeg1video at $rate" not-negotiated "$(encoded avenc_mpeg1video $rate)"
  sees "avenc_mpeg2video at $rate" not-negotiated "$(encoded avenc_mpeg2video $rate)"
done
sees "avenc_mpeg4 at 25" "a film" "$(encoded avenc_mpeg4 25)"
ffmpeg -v error -f lavfi -i testsrc2=size=320x240:rate=25 -frames:v 25 -c:v mpeg1video film.mpg
sees "ffmpeg's mpeg1video at 25" mpeg1video "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 film.mpg)"
