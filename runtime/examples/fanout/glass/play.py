"""Plays what libav can open, as ffplay does when it is told to hold nothing back, and hands out how bright the middle of each picture
is, a byte each."""
import os
import sys

import av

LOW_DELAY = 1 << 19

# Two streams are found sooner than within five seconds.
options = {"fflags": "nobuffer", "analyzeduration": "1000000"}
with av.open(sys.argv[1], format=sys.argv[2], options=options) as source:
    stream = source.streams.video[0]
    stream.thread_type = "SLICE"
    stream.codec_context.flags |= LOW_DELAY
    for picture in source.decode(stream):
        plane = picture.planes[0]
        os.write(1, bytes(plane)[picture.height // 2 * plane.line_size + picture.width // 2 :][:1])
