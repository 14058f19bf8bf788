"""Calls a participant over a hub, or is called, through aiortc: shows it the test picture and its tone, and tells, as JSON, what it was
told and what arrived.

Exit: 0 something to tell; 1 there was no call (the reason is on stderr).
"""

import argparse
import asyncio
import json
import sys

import aiohttp
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from cells import tone
from probe import Audio, Video, distinct_per_second, lose
from publish import Clock, Picture, Sound, disturb, prefer

# From the first word to the first picture; a slow machine needs a while.
CALL_SECONDS = 40


class Failure(Exception):
    pass


class Call:
    def __init__(self, options, socket):
        self.options, self.socket = options, socket
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.video, self.audio = Video(), Audio()
        self.takers, self.told = [], []
        self.over = asyncio.Event()
        self.peer.on("track", self.on_track)
        clock = Clock()
        self.peer.addTrack(Picture(clock, options))
        self.peer.addTrack(Sound(clock, options))
        if options.codec:
            prefer(self.peer.getTransceivers()[0], options.codec)

    def on_track(self, track):
        sink = self.video if track.kind == "video" else self.audio
        self.takers.append(asyncio.ensure_future(sink.take(track)))

    async def say(self, kind, **payload):
        options = self.options
        envelope = {"to": options.peer, "from": options.me, "topic": f"call:{options.channel}"}
        await self.socket.send_str(json.dumps({**envelope, "payload": {"type": kind, **payload}}))

    async def request(self):
        for _ in range(2 if self.options.twice else 1):
            await self.say("call-request", mode="browser", platform="aiortc", constraints={"video": True})

    async def hear(self):
        async for frame in self.socket:
            envelope = json.loads(frame.data)
            if envelope["topic"] != f"call:{self.options.channel}":
                continue
            payload = envelope["payload"]
            self.told.append(payload["type"])
            await self.on(payload)

    async def on(self, payload):
        kind = payload["type"]
        if kind == "call-request":
            await self.say("call-ack")
        elif kind == "call-ack":
            await self.peer.setLocalDescription(await self.peer.createOffer())
            await self.describe("call-offer")
        elif kind == "call-offer":
            await self.peer.setRemoteDescription(RTCSessionDescription(sdp=payload["sdp"], type="offer"))
            await self.peer.setLocalDescription(await self.peer.createAnswer())
            await self.describe("call-answer")
        elif kind == "call-answer":
            await self.peer.setRemoteDescription(RTCSessionDescription(sdp=payload["sdp"], type="answer"))
        elif kind == "ice-candidate":
            text = payload["candidate"]["candidate"]
            if text:
                candidate = candidate_from_sdp(text.removeprefix("candidate:"))
                candidate.sdpMLineIndex = payload["candidate"].get("sdpMLineIndex") or 0
                await self.peer.addIceCandidate(candidate)
        elif kind == "call-hangup":
            self.over.set()

    async def describe(self, kind):
        """Told early, candidates come before the description that they belong to."""
        sdp = self.peer.localDescription.sdp
        if self.options.early:
            lines = sdp.splitlines()
            for line in lines:
                if line.startswith("a=candidate:"):
                    candidate = {"candidate": line.removeprefix("a="), "sdpMid": "0", "sdpMLineIndex": 0}
                    await self.say("ice-candidate", candidate=candidate)
            kept = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
            sdp = "".join(f"{line}\r\n" for line in kept)
        await self.say(kind, sdp=sdp)

    async def close(self):
        for taker in self.takers:
            taker.cancel()
        for outcome in await asyncio.gather(*self.takers, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, MediaStreamError):
                print(f"a receiver ended early: {outcome!r}", file=sys.stderr)
        await self.peer.close()


async def call(options):
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.ws_connect(options.hub, params={"peer": options.me}) as socket:
            calling = Call(options, socket)
            hearing = asyncio.ensure_future(calling.hear())
            try:
                print("here", file=sys.stderr, flush=True)
                if not options.wait:
                    await calling.request()
                await within(calling, hearing)
                print("seen", file=sys.stderr, flush=True)
                try:
                    await asyncio.wait_for(calling.over.wait(), options.seconds)
                except asyncio.TimeoutError:
                    await calling.say("call-hangup")
            finally:
                hearing.cancel()
                await calling.close()
    return calling


async def within(calling, hearing):
    first = asyncio.ensure_future(calling.video.first.wait())
    over = asyncio.ensure_future(calling.over.wait())
    done, _ = await asyncio.wait({first, over, hearing}, timeout=CALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if first not in done:
        if hearing in done and hearing.exception():
            raise hearing.exception()
        state = f"ICE is {calling.peer.iceConnectionState}, it was told {calling.told}"
        raise Failure(f"no picture within {CALL_SECONDS} s; {state}")


def summary(calling):
    audio, video = calling.audio, calling.video
    samples = numpy.concatenate(audio.parts) if audio.parts else numpy.zeros(0)
    frequency, duty = tone(samples, audio.rate)
    return {
        "told": calling.told,
        "frames": video.frames,
        "seconds": distinct_per_second([entry for entry in video.numbers if entry[0] >= 1]),
        "width": video.size[0],
        "height": video.size[1],
        "audio_seconds": round(len(samples) / audio.rate, 2),
        "tone_hz": round(frequency, 1),
        "tone_duty": round(duty, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hub", required=True, help="ws://…/api/call/hub")
    parser.add_argument("--token", help="bearer token")
    parser.add_argument("--me", default="aiortc")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--channel", required=True)
    parser.add_argument("--wait", action="store_true", help="be called")
    parser.add_argument("--early", action="store_true", help="tell candidates before what they belong to")
    parser.add_argument("--twice", action="store_true", help="ring twice")
    parser.add_argument("--codec", help="send and take the picture as this alone, as H264")
    parser.add_argument("--drop", type=float, default=0, help="share of the media packets to lose, both ways, 0 to 1")
    parser.add_argument("--seconds", type=float, default=5, help="how long to talk after the first picture")
    options = parser.parse_args()
    options.late, options.hush, options.resize, options.shuffle, options.noise = {}, None, None, 0, 0
    if options.drop:
        lose(options.drop)
        disturb(options)
    try:
        calling = asyncio.run(call(options))
    except (Failure, aiohttp.ClientError, asyncio.TimeoutError) as problem:
        print(f"calling: {problem or type(problem).__name__}", file=sys.stderr)
        return 1
    print(json.dumps(summary(calling)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
