#!/usr/bin/env bash
# GStreamer 1.22.0 (Debian 12). A picture with a keyframe each second and a sound go into webmmux as a live stream, once with its
# defaults, once with max-cluster-duration at 400 ms, so that who joins has not long to wait for a cluster.
#
# One would expect: more clusters, and still each keyframe at the beginning of one, as the defaults have it: that is where who
# joins a WebM stream can begin.
# What happens: clusters are cut when their time is over, a keyframe begins none any more, and clusters begin with sound.
# Who joins at the beginning of a cluster, as with the defaults, has pictures without what they refer to.
#
# Keyframes that are the first picture of a cluster and its first block, of 4; seen on 2026-11-28:
#   defaults: 4 of 4                     max-cluster-duration 400 ms: 1 of 4, and 10 clusters
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

gstreamer '1.22.*'
for element in vp8enc opusenc webmmux; do
  gst-inspect-1.0 --exists $element || untried "there is no $element; the Debian packages are gstreamer1.0-plugins-base and -good"
done
needs python3 python3

cat >clusters.py <<'PYTHON'
"""How many clusters there are, keyframes of track 1, and keyframes that begin a cluster (EBML, RFC 8794; Matroska, RFC 9559)."""
import sys
SEGMENT, CLUSTER, SIMPLE_BLOCK, BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA3, 0xA0
data = open(sys.argv[1], "rb").read()

def number(at, marked):
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    if not marked:
        value -= 1 << 7 * length
        if value == (1 << 7 * length) - 1:
            value = None  # unknown: the element goes on until its next sibling
    return value, at + length

at, clusters = 0, []
while at < len(data):
    kind, at = number(at, True)
    size, at = number(at, False)
    if kind == CLUSTER:
        clusters.append([])
    elif kind == SIMPLE_BLOCK:
        clusters[-1].append(data[at] == 0x81 and data[at + 3] & 0x80 != 0)
    elif kind == BLOCK_GROUP:
        clusters[-1].append(False)
    if kind not in (SEGMENT, CLUSTER):
        at += size
print(f"{sum(map(sum, clusters))} keyframes, {sum(blocks[0] for blocks in clusters)} begin one of {len(clusters)} clusters")
PYTHON

# muxed OPTIONS…: what there is in four seconds.
muxed() {
  timeout 60 gst-launch-1.0 -q webmmux name=mux streamable=true "$@" ! filesink location=film.webm \
    videotestsrc num-buffers=120 ! video/x-raw,width=160,height=120,framerate=30/1 ! vp8enc deadline=1 keyframe-max-dist=30 ! mux. \
    audiotestsrc num-buffers=180 ! opusenc ! mux. >log 2>&1
  python3 clusters.py film.webm
}
sees "defaults" '4 keyframes, 4 begin one of 4 clusters' "$(muxed)"
sees "max-cluster-duration 400 ms" '4 keyframes, [01] begin one of 1[01] clusters' "$(muxed max-cluster-duration=400000000)"
