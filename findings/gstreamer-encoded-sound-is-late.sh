#!/usr/bin/env bash
# gst-libav 1.22.0 (Debian 12). A tick at the start of a sound, encoded by avenc_aac and avenc_mp2, and decoded again.
#
# One would expect: what is decoded from a buffer sounds at the buffer's timestamp.
# What happens: it sounds later by what the encoder holds back, 1024 samples of AAC and 481 of MP2 (avcodec's initial_padding):
# the first buffer carries the time of the first sample, and holds what was before it. ffmpeg's own muxers take that into account.
#
# Seen on 2026-11-29: by avenc_aac at sample 1027, by avenc_mp2 at 484, without an encoder at 3.
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

gstreamer '1.22.*'
gst-inspect-1.0 --exists avenc_aac || untried "there is no avenc_aac; it comes with the Debian package gstreamer1.0-libav"
needs python3 python3

# The first loud sample of what comes out of these elements.
first_tick() {
  gst-launch-1.0 -q audiotestsrc wave=ticks num-buffers=20 ! audio/x-raw,rate=48000,channels=2 ! audioconvert \
    ! "$@" ! audioconvert ! audio/x-raw,format=S16LE,channels=2 ! filesink location=heard 2>log
  python3 -c 'import array
heard = array.array("h", open("heard", "rb").read())[::2]
print(next(at for at, sample in enumerate(heard) if abs(sample) > 4000))'
}

sees "without an encoder" 3 "$(first_tick identity)"
sees "avenc_aac" '102[4-9]' "$(first_tick avenc_aac ! avdec_aac)"
sees "avenc_mp2" '48[1-9]' "$(first_tick avenc_mp2 bitrate=192000 ! mpegaudioparse ! avdec_mp2float)"
