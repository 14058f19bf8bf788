// The other side of a call over WebRTC.

import * as desk from "./desk.js";

const AGAIN_MS = 1_000;

/** Plays it in `video`, and again should the connection be lost, until it is closed. */
export class Loopback {
  #video;
  #path;
  #peer = null;
  #isClosed = false;
  #again = 0;

  constructor(video, channel) {
    this.#video = video;
    this.#path = `loopback/${encodeURIComponent(channel)}/offer`;
    this.#begin();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.#peer?.close();
    this.#video.srcObject = null;
  }

  async #begin() {
    const [peer, stream] = [new RTCPeerConnection({ bundlePolicy: "max-bundle" }), new MediaStream()];
    this.#peer = peer;
    for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
    peer.ontrack = ({ track, receiver }) => {
      // Live matters more than smooth: keep the buffer as small as the network allows.
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
      this.#video.srcObject = stream;
    };
    peer.onconnectionstatechange = () => {
      if (["failed", "closed"].includes(peer.connectionState)) this.#restart();
    };
    try {
      await peer.setLocalDescription();
      const { sdp } = await desk.ask(this.#path, { sdp: peer.localDescription.sdp });
      if (!this.#isClosed) await peer.setRemoteDescription({ type: "answer", sdp });
    } catch {
      this.#restart();
    }
  }

  #restart() {
    this.#peer.close();
    if (!this.#isClosed) this.#again = setTimeout(() => this.#begin(), AGAIN_MS);
  }
}
