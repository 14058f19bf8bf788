#!/usr/bin/env bash
# GStreamer 1.22.0 (Debian 12). A live picture and a sound that has not begun go into one muxer.
#
# One would expect: the picture is written, and the sound joins when it comes.
# What happens: not a byte is written, header included, while the silent pad has told nothing; what is enough to let the
# picture flow differs from muxer to muxer: the caps for flvmux, a gap for mpegtsmux, and neither for matroskamux.
#
# Bytes after 2 s, seen on 2026-11-28:
#   flvmux:      nothing told 0     caps 397312   gaps 389120
#   mpegtsmux:   nothing told 0     caps 0        gaps 403072
#   matroskamux: nothing told 0     caps 0        gaps 0
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

gstreamer '1.22.*'
for element in flvmux:good mpegtsmux:bad matroskamux:good x264enc:ugly avenc_aac:libav; do
  gst-inspect-1.0 --exists "${element%:*}" || untried "there is no ${element%:*}; the Debian package is gstreamer1.0-${element#*:} or gstreamer1.0-plugins-${element#*:}"
done

# written MUXER DROP_MODE: "nothing" or "picture", by what is in the file two seconds after the picture began.
written() {
  local file=$work/$1-$2
  timeout -s INT 3 gst-launch-1.0 -q "$1" name=mux ! filesink location="$file" async=false buffer-mode=unbuffered \
    videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! x264enc tune=zerolatency ! h264parse ! mux. \
    audiotestsrc is-live=true ! avenc_aac ! aacparse ! valve drop=true drop-mode="$2" ! mux. >/dev/null 2>&1 || true
  if [ "$(stat -c %s "$file")" = 0 ]; then echo nothing; else echo picture; fi
}

sees "flvmux, the sound's pad told nothing" nothing "$(written flvmux drop-all)"
sees "flvmux, it told its caps" picture "$(written flvmux forward-sticky-events)"
sees "mpegtsmux, the sound's pad told nothing" nothing "$(written mpegtsmux drop-all)"
sees "mpegtsmux, it told its caps" nothing "$(written mpegtsmux forward-sticky-events)"
sees "mpegtsmux, it told gaps as well" picture "$(written mpegtsmux transform-to-gap)"
sees "matroskamux, the sound's pad told nothing" nothing "$(written matroskamux drop-all)"
sees "matroskamux, it told its caps" nothing "$(written matroskamux forward-sticky-events)"
sees "matroskamux, it told gaps as well" nothing "$(written matroskamux transform-to-gap)"
