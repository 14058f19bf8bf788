"""How late a picture is seen: `publish` sends pictures over RTMP that carry the time at which they were made, `watch` reads it from
what comes over WHEP. Both run on one machine, whose clock they share.

`watch` prints one line of JSON: how many pictures, and the least, the half, the 95th of a hundred and the most in milliseconds.
What was made before it came is left out: a viewer is shown at once what came since the last keyframe.
"""

import argparse
import asyncio
import fractions
import json
import sys
import time
from urllib.parse import urljoin

import aiohttp
import av
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from cells import BITS, CELL, HEIGHT, WIDTH, frame_number, picture, tone_samples

FRAME_RATE = 30
SAMPLE_RATE = 48000
# Samples of one packet of AAC.
PIECE = 1024
HTTP_TIMEOUT = aiohttp.ClientTimeout(total=15)


def milliseconds():
    """As far as a picture carries it: four hours and a half."""
    return int(time.monotonic() * 1000) % (1 << BITS)


def publish(options):
    """As OBS does: H.264 without B-frames, a keyframe each two seconds, and AAC."""
    out = av.open(options.url, "w", format="flv")
    video, audio = out.add_stream("libx264", rate=FRAME_RATE), out.add_stream("aac", rate=SAMPLE_RATE)
    video.width, video.height, video.pix_fmt, audio.layout = WIDTH, HEIGHT, "yuv420p", "stereo"
    video.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": str(2 * FRAME_RATE)}
    began, sent = time.monotonic(), 0
    for number in range(options.seconds * FRAME_RATE):
        time.sleep(max(0, began + number / FRAME_RATE - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(picture(milliseconds()), format="yuv420p")
        frame.pts, frame.time_base = number, fractions.Fraction(1, FRAME_RATE)
        out.mux(video.encode(frame))
        while sent * FRAME_RATE < (number + 1) * SAMPLE_RATE:
            samples = tone_samples(sent, PIECE, SAMPLE_RATE).astype(numpy.float32) / 32768
            piece = av.AudioFrame.from_ndarray(numpy.stack([samples, samples]), format="fltp", layout="stereo")
            piece.sample_rate, piece.pts, piece.time_base = SAMPLE_RATE, sent, fractions.Fraction(1, SAMPLE_RATE)
            out.mux(audio.encode(piece))
            sent += PIECE
    out.close()


async def take(track, late):
    came = milliseconds()
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if track.kind != "video":
            continue
        luma = numpy.frombuffer(frame.planes[0], numpy.uint8).reshape(-1, frame.planes[0].line_size)
        made = frame_number(luma[:CELL, : frame.width])
        if made is not None and made >= came:
            late.append(milliseconds() - made)


async def watch(options):
    peer, late = RTCPeerConnection(RTCConfiguration(iceServers=[])), []
    peer.on("track", lambda track: asyncio.ensure_future(take(track, late)))
    for kind in ("video", "audio"):
        peer.addTransceiver(kind, direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    body, headers = peer.localDescription.sdp, {"Content-Type": "application/sdp"}
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as http:
        async with http.post(options.url, data=body, headers=headers) as response:
            answer, place = await response.text(), response.headers.get("Location", "")
            if response.status != 201:
                sys.exit(f"POST {options.url} was answered {response.status}: {answer}")
        await peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        await asyncio.sleep(options.seconds)
        await http.delete(urljoin(options.url, place))
    await peer.close()
    if not late:
        sys.exit("no picture came")
    if options.raw:
        with open(options.raw, "w", encoding="utf-8") as raw:
            raw.write("milliseconds\n" + "".join(f"{each}\n" for each in late))
    late.sort()
    share = lambda part: late[min(int(len(late) * part), len(late) - 1)]
    print(json.dumps({"pictures": len(late), "least": late[0], "p50": share(0.5), "p95": share(0.95), "most": late[-1]}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["publish", "watch"])
    parser.add_argument("url")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--raw", help="of `watch`: a file that is told of each picture, in the order in which they came")
    options = parser.parse_args()
    if options.what == "publish":
        publish(options)
    else:
        asyncio.run(watch(options))


main()
