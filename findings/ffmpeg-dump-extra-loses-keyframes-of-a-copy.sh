#!/usr/bin/env bash
# ffmpeg 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). An H.264 film in an MP4 file is copied to RTP.
#
# One would expect: a receiver that joins later finds SPS and PPS before each keyframe; if not by itself, then with dump_extra,
# the filter that is there to put them into keyframes.
# What happens: a plain copy never sends SPS and PPS; they are in the SDP only. With dump_extra there are none either, and
# every keyframe is gone as well: the film's extradata are in the form of MP4, and the packetizer takes them for a length. The
# exit code is 0 and nothing is printed. h264_mp4toannexb does what was wanted. Old and new ffmpeg are alike.
#
# NAL units on the wire, film of 100 pictures with 4 keyframes, seen on 2026-11-28 with both:
#   copy:                  idr 4, sps 0, pps 0, slice 96
#   with dump_extra:       idr 0, sps 0, pps 0, slice 96
#   with h264_mp4toannexb: idr 4, sps 4, pps 4, slice 96
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=4 -c:v libx264 -g 25 -bf 0 film.mp4
cat >receive.py <<'PYTHON'
"""receive.py COMMAND…: runs it with the address of a socket at its end, and counts the NAL units (RFC 6184) that come."""
import collections, socket, subprocess, sys
NAMES = {1: "slice", 5: "idr", 7: "sps", 8: "pps"}
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
receiver.bind(("127.0.0.1", 0))
ended = subprocess.run([*sys.argv[1:], f"rtp://127.0.0.1:{receiver.getsockname()[1]}"], stdout=subprocess.DEVNULL, text=True, stderr=subprocess.PIPE)
units = collections.Counter()
receiver.settimeout(0.5)
try:
    while packet := receiver.recv(65536):
        if 200 <= packet[1] <= 204:  # RTCP
            continue
        kind, payload = packet[12] & 31, packet[13:]
        if kind == 28:  # a fragment; the first one counts
            kinds = [payload[0] & 31] if payload[0] & 0x80 else []
        elif kind == 24:  # several in one
            kinds, at = [], 0
            while at < len(payload):
                kinds.append(payload[at + 2] & 31)
                at += 2 + int.from_bytes(payload[at : at + 2], "big")
        else:
            kinds = [kind]
        units.update(NAMES.get(kind) for kind in kinds)
except TimeoutError:
    pass
print(*(f"{name} {units[name]}," for name in ("idr", "sps", "pps")), f"slice {units['slice']}; exit {ended.returncode}, {len(ended.stderr)} bytes of messages")
PYTHON

for program in ffmpeg ./ffmpeg; do
  copy() { python3 receive.py "$program" -nostdin -v warning -i film.mp4 -c:v copy "$@" -f rtp; }
  sees "$program, copy" 'idr 4, sps 0, pps 0, slice 96; exit 0,*' "$(copy)"
  sees "$program, with dump_extra" 'idr 0, sps 0, pps 0, slice 96; exit 0, 0 *' "$(copy -bsf:v dump_extra)"
  sees "$program, with h264_mp4toannexb" 'idr 4, sps 4, pps 4, slice 96; exit 0,*' "$(copy -bsf:v h264_mp4toannexb)"
done
