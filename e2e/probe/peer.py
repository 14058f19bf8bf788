"""Watches a streamer over its socket through aiortc, steers it, and tells, as JSON, what it was told and what arrived.

Exit: 0 something to tell; 1 nothing could be watched (the reason is on stderr).
"""

import argparse
import asyncio
import json
import struct
import sys

import aiohttp
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from cells import tone
from probe import Audio, Video

# From the socket to the connection, and from there to the first frame; a slow machine needs a while.
CONNECTED_SECONDS = 30
FIRST_FRAME_SECONDS = 20


class Failure(Exception):
    pass


def name(message):
    """Messages are an object of one field that names it, or the bare name."""
    return message if isinstance(message, str) else next(iter(message))


def key(down, code):
    return struct.pack(">B?BH", 0, down, 0, code)


def text(written):
    encoded = written.encode()
    return struct.pack(">BB", 1, len(encoded)) + encoded


class Peer:
    def __init__(self, options):
        self.options = options
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.video, self.audio = Video(), Audio()
        self.takers = []
        self.told = []
        self.size = None
        self.general = []
        self.complete = asyncio.Event()
        self.keyboard = None
        self.open = asyncio.Event()
        self.peer.on("track", self.on_track)
        self.peer.on("datachannel", self.on_channel)

    def on_track(self, track):
        sink = self.video if track.kind == "video" else self.audio
        self.takers.append(asyncio.ensure_future(sink.take(track)))

    def on_channel(self, channel):
        if channel.label == "general":
            channel.on("message", self.general.append)

    async def hear(self, socket):
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            self.told.append(name(message))
            if not isinstance(message, dict):
                continue
            if "ConnectionComplete" in message:
                complete = message["ConnectionComplete"]
                self.size = [complete["width"], complete["height"]]
                self.complete.set()
            description = message.get("Signaling", {}).get("Description")
            if description:
                await self.answer(socket, description)

    async def answer(self, socket, description):
        if description["ty"] == "answer":
            await self.peer.setRemoteDescription(RTCSessionDescription(sdp=description["sdp"], type="answer"))
            return
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=description["sdp"], type="offer"))
        if self.keyboard is None:
            self.channels()
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        await self.say(socket, "answer")

    def channels(self):
        self.keyboard = self.peer.createDataChannel("keyboard")
        self.keyboard.on("open", self.open.set)

    async def say(self, socket, ty):
        description = {"ty": ty, "sdp": self.peer.localDescription.sdp}
        await socket.send_str(json.dumps({"Signaling": {"Description": description}}))

    async def offer(self, socket):
        """As older clients do: at once, with channels alone."""
        self.channels()
        await self.peer.setLocalDescription(await self.peer.createOffer())
        await self.say(socket, "offer")

    async def steer(self):
        await asyncio.wait_for(self.open.wait(), CONNECTED_SECONDS)
        for code in self.options.press:
            self.keyboard.send(key(True, code))
            self.keyboard.send(key(False, code))
        for code in self.options.hold:
            self.keyboard.send(key(True, code))
        if self.options.type:
            self.keyboard.send(text(self.options.type))


async def watch(options):
    watching = Peer(options)
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.ws_connect(options.url) as socket:
            if options.first:
                await socket.send_str(options.first)
            hearing = asyncio.ensure_future(watching.hear(socket))
            try:
                if options.offer:
                    await watching.offer(socket)
                await within(watching.complete, CONNECTED_SECONDS, "no ConnectionComplete", watching)
                await within(watching.video.first, FIRST_FRAME_SECONDS, "no picture", watching)
                await watching.steer()
                print("steered", file=sys.stderr, flush=True)
                await asyncio.sleep(options.seconds)
            finally:
                hearing.cancel()
                for taker in watching.takers:
                    taker.cancel()
                for outcome in await asyncio.gather(*watching.takers, return_exceptions=True):
                    if isinstance(outcome, Exception) and not isinstance(outcome, MediaStreamError):
                        print(f"a receiver ended early: {outcome!r}", file=sys.stderr)
                await watching.peer.close()
    return watching


async def within(event, seconds, complaint, watching):
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        state = f"ICE is {watching.peer.iceConnectionState}, it was told {watching.told}"
        raise Failure(f"{complaint} within {seconds} s; {state}") from None


def summary(watching):
    audio = watching.audio
    samples = numpy.concatenate(audio.parts) if audio.parts else numpy.zeros(0)
    frequency, duty = tone(samples, audio.rate)
    return {
        "told": watching.told,
        "size": watching.size,
        "general": watching.general,
        "frames": watching.video.frames,
        "width": watching.video.size[0],
        "height": watching.video.size[1],
        "middle": watching.video.middle,
        "audio_seconds": round(len(samples) / audio.rate, 2),
        "tone_hz": round(frequency, 1),
        "tone_duty": round(duty, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="ws://…/api/streamers/ID/peer, or the older socket")
    parser.add_argument("--token", help="bearer token")
    parser.add_argument("--first", help="what to say first: AuthenticateAndInit, as JSON")
    parser.add_argument("--offer", action="store_true", help="offer channels at once, as older clients do")
    parser.add_argument("--seconds", type=float, default=2, help="how long to stay after all of it")
    parser.add_argument("--press", type=int, action="append", default=[], help="a virtual key, pressed and let go of")
    parser.add_argument("--hold", type=int, action="append", default=[], help="one that is not let go of")
    parser.add_argument("--type", help="text to write")
    options = parser.parse_args()
    try:
        watching = asyncio.run(watch(options))
    except (Failure, aiohttp.ClientError, asyncio.TimeoutError) as problem:
        print(f"peer: {problem or type(problem).__name__}", file=sys.stderr)
        return 1
    print(json.dumps(summary(watching)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
