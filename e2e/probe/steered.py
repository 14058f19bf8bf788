"""Measures what it is like to steer a streamer: through aiortc, at a page of its own that tells when it felt something.

`latency`: from a key's message on the data channel to the event in the session's page, and to the first decoded picture in which
what it did is seen. `rounds`: so many who come, are connected and go. Rows of CSV or JSON go to stdout.

Exit: 0 something to tell; 1 nothing could be measured (the reason is on stderr).
"""

import argparse
import asyncio
import json
import random
import sys
import time

import aiohttp
from aiohttp import web
from aiortc.mediastreams import MediaStreamError

from peer import CONNECTED_SECONDS, Failure, Peer, key

A, B, F8 = 0x41, 0x42, 0x77
# Between two keys, so that none meets the next and none keeps step with the pictures.
APART_SECONDS = (0.035, 0.065)
# A picture without what it should show after so long never shows it.
SEEN_SECONDS = 2

PAGE = """<!doctype html><title>steered</title><style>html { background: #000; height: 100% }</style><script>
const felt = [];
let isLit = false;
addEventListener("keydown", ({ key, repeat }) => {
  if (repeat) return;
  if (key === "F8") return fetch("/felt", { method: "POST", body: JSON.stringify(felt) });
  felt.push(performance.timeOrigin + performance.now());
  if (key !== "b") return;
  isLit = !isLit;
  document.documentElement.style.background = isLit ? "#fff" : "#000";
});
// The clock of whoever serves it, by the round trip that took least.
(async () => {
  let best = { took: Infinity, ahead: 0 };
  for (let time = 0; time < 50; time += 1) {
    const began = performance.now();
    const theirs = Number(await (await fetch("/clock")).text());
    const ended = performance.now();
    if (ended - began < best.took) best = { took: ended - began, ahead: performance.timeOrigin + (began + ended) / 2 - theirs };
  }
  await fetch("/ready", { method: "POST", body: JSON.stringify(best) });
})();
</script>"""


class Served:
    """The page, and what it tells."""

    def __init__(self):
        self.ready = asyncio.get_running_loop().create_future()
        self.felt = asyncio.get_running_loop().create_future()

    async def page(self, _request):
        return web.Response(text=PAGE, content_type="text/html")

    async def clock(self, _request):
        return web.Response(text=str(time.time() * 1000))

    async def tell(self, request):
        told = self.ready if request.path == "/ready" else self.felt
        if not told.done():
            told.set_result(await request.json())
        return web.Response()

    async def serve(self, port):
        app = web.Application()
        app.add_routes([web.get("/", self.page), web.get("/clock", self.clock)])
        app.add_routes([web.post("/ready", self.tell), web.post("/felt", self.tell)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner


class Seen:
    """Whether the picture is lit, and when that was decoded last."""

    def __init__(self):
        self.is_lit = None
        self.changed = asyncio.Condition()
        self.at = 0
        self.first = asyncio.Event()
        self.size = (0, 0)
        self.frames = 0

    async def take(self, track):
        while True:
            frame = await track.recv()
            at = time.time() * 1000
            plane = frame.planes[0]
            middle = bytes(plane)[plane.line_size * (frame.height // 2) + frame.width // 2]
            self.frames += 1
            self.size = (frame.width, frame.height)
            self.first.set()
            if (middle > 128) != self.is_lit:
                async with self.changed:
                    self.is_lit, self.at = middle > 128, at
                    self.changed.notify_all()

    async def becomes(self, is_lit):
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(lambda: self.is_lit == is_lit), SEEN_SECONDS)
            except asyncio.TimeoutError:
                return None
        return self.at


class Quiet:
    """Takes what comes and looks at none of it."""

    def __init__(self):
        self.first = asyncio.Event()

    async def take(self, track):
        while True:
            await track.recv()
            self.first.set()


class Options:
    press, hold, type = [], [], None


def peer(video):
    made = Peer(Options())
    made.video, made.audio = video, Quiet()
    return made


class Watching:
    """One who is connected and may steer, until it is left."""

    def __init__(self, url, video):
        self.url, self.peer = url, peer(video)

    async def __aenter__(self):
        self.http = aiohttp.ClientSession()
        self.socket = await self.http.ws_connect(self.url)
        self.hearing = asyncio.ensure_future(self.peer.hear(self.socket))
        try:
            await asyncio.wait_for(self.peer.complete.wait(), CONNECTED_SECONDS)
            await asyncio.wait_for(self.peer.open.wait(), CONNECTED_SECONDS)
        except asyncio.TimeoutError:
            await self.__aexit__()
            raise Failure(f"not connected within {CONNECTED_SECONDS} s; it was told {self.peer.told}") from None
        return self.peer

    async def __aexit__(self, *_error):
        self.hearing.cancel()
        for taker in self.peer.takers:
            taker.cancel()
        outcomes = await asyncio.gather(*self.peer.takers, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, MediaStreamError):
                print(f"a receiver ended early: {outcome!r}", file=sys.stderr)
        await self.peer.peer.close()
        await self.socket.close()
        await self.http.close()


def strike(channel, code):
    at = time.time() * 1000
    channel.send(key(True, code))
    channel.send(key(False, code))
    return at


async def latency(options):
    served = Served()
    runner = await served.serve(options.page_port)
    print("serves", file=sys.stderr, flush=True)
    seen = Seen()
    try:
        ahead = (await asyncio.wait_for(served.ready, 60))["ahead"]
        async with Watching(options.url, seen) as watching:
            await asyncio.wait_for(seen.first.wait(), CONNECTED_SECONDS)
            await asyncio.sleep(1)
            sent, shown = [], []
            for _ in range(options.keys):
                sent.append(strike(watching.keyboard, A))
                await asyncio.sleep(random.uniform(*APART_SECONDS))
            for number in range(options.seen):
                lit = not seen.is_lit
                at = strike(watching.keyboard, B)
                sent.append(at)
                there = await seen.becomes(lit)
                shown.append((number, None if there is None else there - at))
                await asyncio.sleep(random.uniform(0.15, 0.25))
            strike(watching.keyboard, F8)
            felt = await asyncio.wait_for(served.felt, 10)
    finally:
        await runner.cleanup()
    if len(felt) != len(sent):
        raise Failure(f"of {len(sent)} keys {len(felt)} were felt")
    print("what,number,milliseconds")
    for number, (at, there) in enumerate(zip(sent[: options.keys], felt)):
        print(f"felt,{number},{there - ahead - at:.2f}")
    for number, took in shown:
        print(f"seen,{number},{'' if took is None else format(took, '.2f')}")


async def rounds(options):
    left = iter(range(options.rounds))
    failed = []

    async def one_after_another():
        for number in left:
            try:
                async with Watching(options.url, Quiet()):
                    pass
            except (Failure, aiohttp.ClientError) as problem:
                failed.append(f"{number}: {problem}")

    await asyncio.gather(*(one_after_another() for _ in range(options.peers)))
    print(json.dumps({"rounds": options.rounds, "failed": failed}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["latency", "rounds"])
    parser.add_argument("--url", required=True, help="ws://…/api/streamers/ID/peer")
    parser.add_argument("--page-port", type=int, default=0, help="where the session's page is served")
    parser.add_argument("--keys", type=int, default=600, help="whose way to the page is measured")
    parser.add_argument("--seen", type=int, default=150, help="whose way to the picture is measured")
    parser.add_argument("--peers", type=int, default=4, help="how many at once")
    parser.add_argument("--rounds", type=int, default=1000, help="how many come and go")
    options = parser.parse_args()
    try:
        asyncio.run({"latency": latency, "rounds": rounds}[options.what](options))
    except (Failure, aiohttp.ClientError, asyncio.TimeoutError) as problem:
        print(f"steered: {problem or type(problem).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
