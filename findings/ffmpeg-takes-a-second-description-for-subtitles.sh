#!/usr/bin/env bash
# ffmpeg 5.1.9 (Debian 12) and ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI) read an FLV stream that is described twice: by the
# onMetaData that it begins with and, half a second later, by the same once more, as servers of RTMP do when a stream changes.
#
# One would expect: a picture, as before; the description is read again, or passed over.
# What happens: onMetaData at any other time than 0 is a packet of a new track of subtitles, which players then list. At 0 it is
# none, wherever it stands in the stream.
#
# Seen on 2026-11-29: once: Video; again at 500 ms: Video Subtitle; again at 0: Video; with both versions
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs ffmpeg ffmpeg
version "ffmpeg of Debian" '5.1.*' "$(ffmpeg_version ffmpeg)"
new_ffmpeg

ffmpeg -nostdin -v error -f lavfi -i testsrc=size=320x240:rate=25:duration=2 -c:v libx264 -pix_fmt yuv420p -g 25 -f flv once.flv
cat >again.py <<'PYTHON'
"""Writes the first tag, which is the description, once more before the first tag at or after 500 ms."""
import struct, sys
flv, when = open("once.flv", "rb").read(), int(sys.argv[1])
tags, at = [], 13
while at < len(flv):
    size = int.from_bytes(flv[at + 1:at + 4], "big") + 11
    tags.append((flv[at + 7] << 24 | int.from_bytes(flv[at + 4:at + 7], "big"), flv[at:at + size]))
    at += size + 4
described = tags[0][1]
assert described[0] == 18 and b"onMetaData" in described
described = described[:4] + when.to_bytes(3, "big") + b"\0" + described[8:]
place = next(n for n, (time, _) in enumerate(tags) if time >= 500)
tags.insert(place, (when, described))
sys.stdout.buffer.write(flv[:13] + b"".join(tag + struct.pack(">I", len(tag)) for _, tag in tags))
PYTHON
python/bin/python again.py 500 >later.flv
python/bin/python again.py 0 >zero.flv

tracks() { "$1" -nostdin -i "$2" 2>&1 | sed -n 's/.*Stream #0.*: \(Video\|Audio\|Subtitle\|Data\):.*/\1/p' | xargs; }
for program in ffmpeg ./ffmpeg; do
  sees "$program, once" Video "$(tracks "$program" once.flv || true)"
  sees "$program, again at 500 ms" "Video Subtitle" "$(tracks "$program" later.flv || true)"
  sees "$program, again at 0" Video "$(tracks "$program" zero.flv || true)"
done
