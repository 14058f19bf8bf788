"""Watches a WHEP endpoint through aiortc and tells, as JSON, what arrived.

Exit: 0 something to tell; 1 nothing could be watched (the reason is on stderr).
"""

import argparse
import asyncio
import json
import random
import sys
import time
from urllib.parse import urljoin

import aiohttp
import numpy
from aioice import Connection, ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from cells import frame_number, tone

HTTP_TIMEOUT = aiohttp.ClientTimeout(total=15)
# From the answer to the first decoded frame; a joiner gets a keyframe at once, a slow machine needs a while.
FIRST_FRAME_SECONDS = 20


class Failure(Exception):
    pass


class Video:
    def __init__(self):
        self.numbers = []  # (seconds of media time, number) of each frame that could be read
        self.clock = None  # (first RTP time, last RTP time unwrapped)
        self.frames = 0
        self.unread = 0
        self.size = (0, 0)
        self.middle = (0, 0, 0)  # of the last frame, Y, U and V of the pixel in its middle
        self.first = asyncio.Event()
        self.first_at = None

    async def take(self, track):
        while True:
            frame = await track.recv()
            now = time.monotonic()
            # Only the rows with the cells: reading must not cost what decoding does.
            luma = numpy.frombuffer(frame.planes[0], numpy.uint8)
            luma = luma.reshape(-1, frame.planes[0].line_size)[: min(40, frame.height), : frame.width]
            number = frame_number(luma)
            self.frames += 1
            self.size = (frame.width, frame.height)
            self.middle = tuple(middle(plane) for plane in frame.planes)
            if number is None:
                self.unread += 1
            else:
                self.numbers.append((self.media_seconds(frame), number))
            if not self.first.is_set():
                self.first_at = now
                self.first.set()


    def media_seconds(self, frame):
        """What the sender says, not when a busy machine came to decode it. RTP time wraps."""
        start, last = self.clock or (frame.pts, frame.pts)
        last += (frame.pts - last + 2**31) % 2**32 - 2**31
        self.clock = (start, last)
        return float((last - start) * frame.time_base)


def middle(plane):
    return memoryview(plane)[plane.line_size * (plane.height // 2) + plane.width // 2]


class Audio:
    def __init__(self):
        self.parts = []
        self.rate = 48000

    async def take(self, track):
        while True:
            frame = await track.recv()
            self.rate = frame.sample_rate
            samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
            self.parts.append(samples.mean(axis=1) / 32768.0)


def lose(share):
    """Makes this share of the media packets disappear, as a bad network does: before SRTP has seen them, or a
    second copy would count as a replay."""
    receive = Connection.recv

    async def receive_some(self):
        while True:
            data = await receive(self)
            # RFC 7983: RTP and RTCP; RFC 5761: which of them.
            is_media = len(data) > 1 and 127 < data[0] < 192 and not 191 < data[1] < 224
            if not (is_media and random.random() < share):
                return data

    Connection.recv = receive_some


def stay_in(family):
    """Makes this viewer one that has addresses of one family alone."""
    addresses = ice.get_host_addresses

    def addresses_of_family(use_ipv4, use_ipv6):
        return addresses(use_ipv4=use_ipv4 and family == 4, use_ipv6=use_ipv6 and family == 6)

    ice.get_host_addresses = addresses_of_family


async def watch(options, video, audio):
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    takers = []

    @peer.on("track")
    def on_track(track):
        sink = video if track.kind == "video" else audio
        takers.append(asyncio.ensure_future(sink.take(track)))

    if not options.answer:
        picture = peer.addTransceiver("video", direction="recvonly")
        if options.codec:
            known = RTCRtpReceiver.getCapabilities("video").codecs
            picture.setCodecPreferences([codec for codec in known if codec.mimeType == f"video/{options.codec}"])
        peer.addTransceiver("audio", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT, headers=headers) as http:
        posted_at = time.monotonic()
        ask = answer if options.answer else post
        location = await ask(http, options.url, peer)
        try:
            try:
                await asyncio.wait_for(video.first.wait(), FIRST_FRAME_SECONDS)
            except asyncio.TimeoutError:
                raise Failure(
                    f"no picture within {FIRST_FRAME_SECONDS} s; ICE is {peer.iceConnectionState}, "
                    f"the connection is {peer.connectionState}"
                ) from None
            video.first_ms = round((video.first_at - posted_at) * 1000)
            await asyncio.sleep(options.seconds)
        finally:
            async with http.delete(location) as response:
                deleted = response.status
            for taker in takers:
                taker.cancel()
            for outcome in await asyncio.gather(*takers, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, MediaStreamError):
                    print(f"a receiver ended early: {outcome!r}", file=sys.stderr)
            await peer.close()
    return deleted


async def post(http, url, peer):
    body = peer.localDescription.sdp
    async with http.post(url, data=body, headers={"Content-Type": "application/sdp"}) as response:
        answer = await response.text()
        if response.status != 201:
            raise Failure(f"POST {url} was answered {response.status}: {answer}")
        location = response.headers.get("Location")
        if not location:
            raise Failure("the answer has no Location")
    await peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
    return urljoin(url, location)


async def answer(http, url, peer):
    """Asks with nothing, is offered something, and answers that (draft-ietf-wish-whep)."""
    async with http.post(url) as response:
        offer = await response.text()
        if response.status != 406 or response.content_type != "application/sdp":
            raise Failure(f"POST {url} was answered {response.status}: {offer}")
        location = urljoin(url, response.headers["Location"])
    await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    headers, body = {"Content-Type": "application/sdp"}, peer.localDescription.sdp
    async with http.patch(location, data=body, headers=headers) as response:
        if response.status != 204:
            raise Failure(f"PATCH {location} was answered {response.status}: {await response.text()}")
    return location


def gaps(numbers, modulo):
    """Steps between successive readings; with a modulo, the end of the clip and its beginning are neighbours."""
    for (_, before), (_, after) in zip(numbers, numbers[1:]):
        step = after - before
        yield step % modulo if modulo else step


def distinct_per_second(numbers):
    """For each whole second since the first reading, how many different numbers there were."""
    if not numbers:
        return []
    start = numbers[0][0]
    # Media times fall on the second to within rounding.
    start -= 1e-3
    whole = int(numbers[-1][0] - start)
    seconds = [set() for _ in range(whole)]
    for at, number in numbers:
        index = int(at - start)
        if index < whole:
            seconds[index].add(number)
    return [len(second) for second in seconds]


def summary(options, video, audio, deleted):
    samples = numpy.concatenate(audio.parts) if audio.parts else numpy.zeros(0)
    # What the first second holds depends on when the sender's burst reached the decoder.
    settled = [entry for entry in video.numbers if entry[0] >= options.settle]
    seconds = distinct_per_second(settled)
    frequency, duty = tone(samples, audio.rate)
    return {
        "frames": video.frames,
        "unread": video.unread,
        "distinct_per_second": min(seconds, default=0),
        "seconds": seconds,
        "max_gap_frames": max(gaps(settled, options.modulo), default=0),
        "first_frame_ms": video.first_ms,
        "width": video.size[0],
        "height": video.size[1],
        "last_number": video.numbers[-1][1] if video.numbers else None,
        "audio_seconds": round(len(samples) / audio.rate, 2),
        "tone_hz": round(frequency, 1),
        "tone_duty": round(duty, 3),
        "delete_status": deleted,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="WHEP endpoint")
    parser.add_argument("--token", help="bearer token")
    parser.add_argument("--seconds", type=float, default=5, help="how long to watch after the first frame")
    parser.add_argument("--settle", type=float, default=1, help="seconds left out of counts at the beginning")
    parser.add_argument("--modulo", type=int, default=0, help="length of the clip in frames, if it repeats")
    parser.add_argument("--drop", type=float, default=0, help="share of the media packets to lose, 0 to 1")
    parser.add_argument("--family", type=int, choices=(4, 6), help="media over addresses of this family alone")
    parser.add_argument("--codec", help="offer the picture as this alone, as VP8")
    parser.add_argument("--answer", action="store_true", help="have the server offer, and answer that")
    parser.add_argument("--json", action="store_true", help="one line, for programs")
    options = parser.parse_args()
    try:
        told = asyncio.run(run(options))
    except (Failure, aiohttp.ClientError, asyncio.TimeoutError) as problem:
        print(f"probe: {problem or type(problem).__name__}", file=sys.stderr)
        return 1
    print(json.dumps(told, indent=None if options.json else 2))
    return 0


async def run(options):
    if options.drop:
        lose(options.drop)
    if options.family:
        stay_in(options.family)
    video, audio = Video(), Audio()
    deleted = await watch(options, video, audio)
    return summary(options, video, audio, deleted)


if __name__ == "__main__":
    sys.exit(main())
