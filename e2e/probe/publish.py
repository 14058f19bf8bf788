"""Sends the test picture and its tone over WebRTC through aiortc to an endpoint that takes `{"sdp"}`.

Exit: 0 sent for as long as was asked; 1 not answered or not connected (the reason is on stderr).
"""

import argparse
import asyncio
import fractions
import json
import random
import struct
import sys
import time

import aiohttp
import av
import numpy
from aioice import Connection
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.rtcdtlstransport import RTCDtlsTransport

from cells import picture, tone_samples

FRAME_RATE = 30
SAMPLE_RATE = 48000
PIECE = SAMPLE_RATE // 50
HTTP_TIMEOUT = aiohttp.ClientTimeout(total=15)
CONNECT_SECONDS = 15
CLOCK_RATES = {"video": 90000, "audio": 48000}
# RFC 3550 section 6.4.1, and from 1900 to 1970.
SENDER_REPORT = 200
NTP_TO_UNIX = 2208988800


class Failure(Exception):
    pass


class Clock:
    """When a picture or a piece of sound is due; both tracks share it."""

    def __init__(self):
        self.start = self.wall = None

    async def until(self, seconds):
        now = time.monotonic()
        if self.start is None:
            self.start, self.wall = now, time.time()
        await asyncio.sleep(max(0, self.start + seconds - now))


class Picture(MediaStreamTrack):
    kind = "video"

    def __init__(self, clock, options):
        super().__init__()
        self.clock, self.options, self.number = clock, options, 0

    async def recv(self):
        options = self.options
        number, self.number = self.number, self.number + 1
        await self.clock.until(number / FRAME_RATE + options.late.get(self.kind, 0))
        while options.hush and options.hush[0] <= number / FRAME_RATE < sum(options.hush):
            number, self.number = self.number, self.number + 1
            await self.clock.until(number / FRAME_RATE)
        half = options.resize and number >= options.resize * FRAME_RATE
        frame = av.VideoFrame.from_ndarray(picture(number, 2 if half else 1), format="yuv420p")
        frame.pts, frame.time_base = number * 90000 // FRAME_RATE, fractions.Fraction(1, 90000)
        return frame


class Sound(MediaStreamTrack):
    kind = "audio"

    def __init__(self, clock, options):
        super().__init__()
        self.clock, self.options, self.position = clock, options, 0

    async def recv(self):
        position, self.position = self.position, self.position + PIECE
        await self.clock.until(position / SAMPLE_RATE + self.options.late.get(self.kind, 0))
        mono = tone_samples(position, PIECE, SAMPLE_RATE)
        frame = av.AudioFrame.from_ndarray(numpy.repeat(mono, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, position, fractions.Fraction(1, SAMPLE_RATE)
        return frame


def is_media(data):
    # RFC 7983: RTP and RTCP; RFC 5761: which of them.
    return len(data) > 1 and 127 < data[0] < 192 and not 191 < data[1] < 224


def disturb(options):
    """Loses and delays datagrams after they were encrypted, as a network does."""
    send = Connection.sendto
    late = []

    async def send_some(self, data, component):
        if is_media(data):
            if random.random() < options.drop:
                return
            if random.random() < options.shuffle:
                late.append(data)
                return
        await send(self, data, component)
        if random.random() < options.noise:
            await send(self, bytes([0x80, random.randrange(256)]) + random.randbytes(60), component)
        while len(late) > 3:
            await send(self, late.pop(0), component)

    Connection.sendto = send_some


def spoil(share):
    """Changes what packets carry before they are encrypted: they arrive, and make no sense."""
    send = RTCDtlsTransport._send_rtp

    async def send_spoilt(self, data):
        if is_media(data) and random.random() < share:
            data = data[:12] + random.randbytes(random.randrange(0, len(data)))
        await send(self, data)

    RTCDtlsTransport._send_rtp = send_spoilt


def report_truly(clock, peer):
    """Ties each timestamp to when that was captured. aiortc itself tells when it was sent."""
    send = RTCDtlsTransport._send_rtp
    rates = {sender._ssrc: CLOCK_RATES[sender.kind] for sender in peer.getSenders()}
    first = {}

    async def send_true(self, data):
        if is_media(data):
            timestamp, ssrc = struct.unpack_from("!II", data, 4)
            first.setdefault(ssrc, timestamp)
        elif data[1] == SENDER_REPORT:
            ssrc, _, _, timestamp = struct.unpack_from("!IIII", data, 4)
            if ssrc in first:
                captured = clock.wall + (timestamp - first[ssrc]) % 2**32 / rates[ssrc] + NTP_TO_UNIX
                data = data[:8] + struct.pack("!II", int(captured), int(captured % 1 * 2**32)) + data[16:]
        await send(self, data)

    RTCDtlsTransport._send_rtp = send_true


def prefer(transceiver, codec):
    codecs = RTCRtpSender.getCapabilities("video").codecs
    wanted = [entry for entry in codecs if entry.mimeType.lower() == f"video/{codec.lower()}"]
    transceiver.setCodecPreferences(wanted)


async def publish(options):
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    clock = Clock()
    if "video" in options.kinds:
        sender = peer.addTrack(Picture(clock, options))
        transceiver = next(each for each in peer.getTransceivers() if each.sender == sender)
        prefer(transceiver, options.codec)
    if "audio" in options.kinds:
        peer.addTrack(Sound(clock, options))
    if options.data:
        peer.createDataChannel("chat")
    if options.second:
        peer.addTrack(Picture(clock, options))
    if options.late:
        report_truly(clock, peer)
    connected = asyncio.Event()

    @peer.on("connectionstatechange")
    def changed():
        print(f"connection: {peer.connectionState}", file=sys.stderr)
        if peer.connectionState == "connected":
            connected.set()

    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as http:
        async with http.post(options.url, json={"sdp": peer.localDescription.sdp}) as response:
            text = await response.text()
            if response.status != 200:
                raise Failure(f"answered {response.status}: {text}")
    await peer.setRemoteDescription(RTCSessionDescription(sdp=json.loads(text)["sdp"], type="answer"))
    try:
        await asyncio.wait_for(connected.wait(), CONNECT_SECONDS)
    except asyncio.TimeoutError:
        raise Failure(f"not connected: {peer.connectionState}") from None
    await asyncio.sleep(options.seconds)
    stats = {}
    for entry in (await peer.getStats()).values():
        if entry.type == "outbound-rtp":
            stats[entry.kind] = {"packets": entry.packetsSent, "bytes": entry.bytesSent}
    await peer.close()
    return stats


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="where the offer is posted to")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--codec", default="VP8", help="VP8 or H264")
    parser.add_argument("--kinds", default="video,audio")
    parser.add_argument("--drop", type=float, default=0, help="share of the media packets to lose, 0 to 1")
    parser.add_argument("--shuffle", type=float, default=0, help="share of the media packets to send late")
    parser.add_argument("--noise", type=float, default=0, help="datagrams that are none of anybody, a packet")
    parser.add_argument("--spoil", type=float, default=0, help="share of the packets with random contents")
    parser.add_argument("--resize", type=float, default=0, help="seconds after which pictures are half as large")
    parser.add_argument("--hush", help="BEGIN:LENGTH in seconds, without a picture")
    parser.add_argument("--late", help="KIND:SECONDS, sent so long after it was captured, and reported so")
    parser.add_argument("--data", action="store_true", help="offer a data channel too")
    parser.add_argument("--second", action="store_true", help="offer a second picture too")
    options = parser.parse_args()
    options.hush = tuple(map(float, options.hush.split(":"))) if options.hush else None
    kind, _, seconds = (options.late or "").partition(":")
    options.late = {kind: float(seconds)} if options.late else {}
    if options.drop or options.shuffle or options.noise:
        disturb(options)
    if options.spoil:
        spoil(options.spoil)
    try:
        print(json.dumps(asyncio.run(publish(options))))
    except (Failure, aiohttp.ClientError, asyncio.TimeoutError) as problem:
        print(f"publish: {problem or type(problem).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
