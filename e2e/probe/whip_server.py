"""A WHIP server on another WebRTC stack (aiortc): takes a stream that is published to it, and tells what arrived.

Its port is the first line that it prints. GET /seen tells, as JSON, what came in the last session and how it was asked, POST /evict
ends all and lets nobody in again, POST /token/WORD ends all and lets in by another token; what it does otherwise than a good server
is said by its arguments.
"""

import argparse
import asyncio
import json
import re
import sys
import time
import uuid
from types import SimpleNamespace

from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from probe import Audio, Video, lose, summary

# As probe.py does it for viewers; nothing repeats.
SUMMARY = SimpleNamespace(settle=1, modulo=0)


class Session:
    def __init__(self):
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.video, self.audio = Video(), Audio()
        self.video.first_ms = 0
        self.takers = []
        self.deleted = 0

        @self.peer.on("track")
        def on_track(track):
            sink = self.video if track.kind == "video" else self.audio
            self.takers.append(asyncio.ensure_future(take(sink, track)))

    async def end(self):
        for taker in self.takers:
            taker.cancel()
        await self.peer.close()

    def seen(self):
        return summary(SUMMARY, self.video, self.audio, self.deleted)


async def never(_receiver):
    await asyncio.Event().wait()


async def take(sink, track):
    try:
        await sink.take(track)
    except MediaStreamError:
        pass


class Server:
    def __init__(self, options):
        self.options = options
        self.sessions = {}
        self.last = None
        self.evicts = False
        self.counts = {"posts": 0, "redirected": 0, "unauthorised": 0, "deletes": 0, "posted_at": 0, "deleted_at": 0}

    async def post(self, request):
        offer = await request.text()
        self.counts["posts"] += 1
        self.counts["posted_at"] = time.monotonic()
        if self.options.silent:
            await asyncio.sleep(3600)
        if self.counts["posts"] <= self.options.busy:
            return web.Response(status=503, headers={"Retry-After": "1"}, text="no room yet")
        refusal = self.unauthorised(request)
        if refusal:
            return refusal
        if self.evicts:
            return web.Response(status=403)
        if request.content_type != "application/sdp":
            return web.Response(status=415)
        if self.options.refuse:
            return web.Response(status=422, text=f"not with {request.headers.get('Authorization')}")
        session, name = Session(), uuid.uuid4().hex
        self.last = self.sessions[name] = session
        await session.peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        await session.peer.setLocalDescription(await session.peer.createAnswer())
        answer = session.peer.localDescription.sdp
        if self.options.picture_alone:
            answer = re.sub(r"^m=audio \d+", "m=audio 0", answer, flags=re.MULTILINE)
        if self.options.deaf:
            await session.end()
        headers = {"Location": f"session/{name}", "Link": '<stun:127.0.0.1:9>; rel="ice-server"'}
        return web.Response(status=201, content_type="application/sdp", headers=headers, text=answer)

    async def evict(self, request):
        self.evicts = True
        return await self.empty()

    async def token(self, request):
        self.options.token = request.match_info["word"]
        return await self.empty()

    async def empty(self):
        for session in self.sessions.values():
            await session.end()
        self.sessions.clear()
        return web.Response()

    async def redirect(self, request):
        self.counts["redirected"] += 1
        return web.Response(status=self.options.redirect, headers={"Location": "/whip"})

    async def delete(self, request):
        refusal = self.unauthorised(request)
        if refusal:
            return refusal
        self.counts["deletes"] += 1
        self.counts["deleted_at"] = time.monotonic()
        session = self.sessions.pop(request.match_info["name"], None)
        if not session:
            return web.Response(status=404)
        session.deleted = 200
        await session.end()
        return web.Response()

    async def seen(self, request):
        seen = self.last.seen() if self.last and self.last.video.numbers else None
        return web.json_response({**self.counts, "sessions": len(self.sessions), "seen": seen})

    def unauthorised(self, request):
        if request.headers.get("Authorization") == f"Bearer {self.options.token}":
            return None
        self.counts["unauthorised"] += 1
        return web.Response(status=401)


@web.middleware
async def for_pages(request, handler):
    """Pages of other origins may publish (the CORS protocol), as with servers of the web."""
    response = web.Response() if request.method == "OPTIONS" else await handler(request)
    response.headers.update({
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Allow-Methods": "POST, DELETE",
        "Access-Control-Expose-Headers": "Location, Link",
    })
    return response


async def serve(options):
    server, app = Server(options), web.Application(middlewares=[for_pages])
    app.router.add_post("/whip", server.post)
    app.router.add_post("/moved", server.redirect)
    app.router.add_delete("/session/{name}", server.delete)
    app.router.add_post("/evict", server.evict)
    app.router.add_post("/token/{word}", server.token)
    app.router.add_get("/seen", server.seen)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port, reuse_address=True)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1", help="where it listens")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="sesame")
    parser.add_argument("--redirect", type=int, default=307, help="the status of /moved")
    parser.add_argument("--busy", type=int, default=0, help="answer the first requests with 503")
    parser.add_argument("--refuse", action="store_true", help="answer 422, and say what the token was")
    parser.add_argument("--silent", action="store_true", help="answer nothing")
    parser.add_argument("--deaf", action="store_true", help="answer, and be nowhere")
    parser.add_argument("--drop", type=float, default=0, help="share of the media packets to lose, 0 to 1")
    parser.add_argument("--picture-alone", action="store_true", help="reject the sound")
    parser.add_argument("--unreporting", action="store_true", help="say nothing of what arrives")
    options = parser.parse_args()
    if options.unreporting:
        RTCRtpReceiver._run_rtcp = never
    if options.drop:
        lose(options.drop)
    asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
