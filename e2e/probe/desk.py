"""Sits at a desk through aiortc. Descriptions come and go as lines of JSON, and what arrives is told as such lines.

To it: {"ty", "sdp"}, or {"label", "say"}. From it: {"ty", "sdp"}, {"opened": label}, {"label", "heard"}, and {"media": kind} each ten
frames of a kind.
"""

import argparse
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

# The longest line is a description: some kB.
LINE_BYTES = 1 << 20


def tell(**what):
    print(json.dumps(what), flush=True)


async def take(track):
    frames = 0
    try:
        while True:
            await track.recv()
            frames += 1
            if frames % 10 == 0:
                tell(media=track.kind)
    except MediaStreamError:
        pass


def follow(channel, channels):
    channels[channel.label] = channel

    @channel.on("message")
    def on_message(message):
        tell(label=channel.label, heard=message if isinstance(message, str) else message.hex())

    if channel.readyState == "open":
        tell(opened=channel.label)
    else:
        channel.on("open", lambda: tell(opened=channel.label))


async def describe(peer, description):
    await peer.setLocalDescription(description)
    tell(ty=peer.localDescription.type, sdp=peer.localDescription.sdp)


async def hear(peer, options, said):
    await peer.setRemoteDescription(RTCSessionDescription(sdp=said["sdp"], type=said["ty"]))
    if said["ty"] == "offer":
        for transceiver in peer.getTransceivers():
            if options.refuse:
                transceiver.direction = "inactive"
        await describe(peer, await peer.createAnswer())


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", action="append", default=[])
    parser.add_argument("--first", action="store_true", help="offers, of its own accord")
    parser.add_argument("--refuse", action="store_true", help="takes no media")
    options = parser.parse_args()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channels, takers = {}, []
    peer.on("track", lambda track: takers.append(asyncio.ensure_future(take(track))))
    peer.on("datachannel", lambda channel: follow(channel, channels))
    for label in options.channel:
        moves = {"ordered": False, "maxRetransmits": 0} if label == "moves" else {}
        follow(peer.createDataChannel(label, **moves), channels)
    if options.first:
        await describe(peer, await peer.createOffer())
    lines = asyncio.StreamReader(limit=LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        said = json.loads(line)
        if "say" in said:
            channels[said["label"]].send(said["say"])
        else:
            await hear(peer, options, said)
    await peer.close()


asyncio.run(main())
