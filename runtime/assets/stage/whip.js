// One publication at a WHIP server (RFC 9725): begun, and ended. What to do when that does not work is decided elsewhere.

import { Refusal, Silence, iceServers } from "/view/assets/whep.js";

const SDP = "application/sdp";
// An answer takes milliseconds and a round trip; who waits longer asks nobody.
const ANSWER_MS = 10_000;
// All that is gathered without a server is there within milliseconds.
const GATHER_MS = 1_000;
const LEAVE_MS = 2_000;
// As the source system's page publishes.
const MOST_BITS_A_SECOND = 2_500_000;

export class Publication {
  #headers;
  #endpoint;
  #asking = null;
  #isLeft = false;

  /** `stream` is what is published. */
  constructor(endpoint, token, stream) {
    this.#endpoint = endpoint;
    this.#headers = token ? { Authorization: `Bearer ${token}` } : {};
    this.url = null;
    this.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    for (const track of stream.getTracks()) {
      const encoding = track.kind === "video" ? { maxBitrate: MOST_BITS_A_SECOND } : {};
      this.peer.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings: [encoding] });
    }
  }

  /** Throws a `Refusal`, a `Silence`, or what the browser has against the answer. */
  async begin() {
    await this.peer.setLocalDescription();
    await this.#gathered();
    if (this.#isLeft) throw new Silence("left");
    this.#asking = this.#ask();
    const response = await this.#asking;
    if (!response.ok) throw await Refusal.of(response);
    this.url = placeOf(response);
    const servers = iceServers(response.headers.get("Link"));
    if (servers.length) this.peer.setConfiguration({ ...this.peer.getConfiguration(), iceServers: servers });
    await this.peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  }

  /** Done when the server knows, or cannot be told. */
  async end() {
    this.#isLeft = true;
    this.peer.onconnectionstatechange = null;
    this.peer.close();
    // Who leaves while the answer is on its way is on the stage for all that.
    if (!this.url && this.#asking) {
      const response = await this.#asking.catch(() => null);
      if (response?.ok) this.url = placeOf(response);
    }
    if (!this.url) return;
    // `keepalive` survives the page.
    const signal = AbortSignal.timeout(LEAVE_MS);
    await fetch(this.url, { method: "DELETE", headers: this.#headers, keepalive: true, signal }).catch(() => {});
  }

  /** Packets of video that the server says it has, and what it was sent; null: it has said nothing yet. */
  async acknowledged() {
    const report = [...(await this.peer.getStats()).values()];
    const sent = report.find((one) => one.type === "outbound-rtp" && one.kind === "video");
    const heard = report.find((one) => one.type === "remote-inbound-rtp" && one.kind === "video");
    return sent && heard ? { sent: sent.packetsSent, heard: heard.timestamp } : null;
  }

  /** Servers that take no trickle want all candidates in the offer. */
  #gathered() {
    const peer = this.peer;
    if (peer.iceGatheringState === "complete") return null;
    const done = new Promise((resolve) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
    });
    return Promise.race([done, new Promise((resolve) => setTimeout(resolve, GATHER_MS))]);
  }

  async #ask() {
    const headers = { "Content-Type": SDP, ...this.#headers };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const body = this.peer.localDescription.sdp;
    try {
      return await fetch(this.#endpoint, { method: "POST", headers, body, signal, referrerPolicy: "no-referrer" });
    } catch (error) {
      throw new Silence(error.message);
    }
  }
}

function placeOf(response) {
  const location = response.headers.get("Location");
  return location && new URL(location, response.url).href;
}
