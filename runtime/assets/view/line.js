// The line to a streamer: its peer socket, and over it a peer connection for data alone. The picture comes another way (WHEP).
//
//   closed ──open()──> asking ──> connecting ──channels are open──> open
//                        ^ │           │                              │
//                        │ └> refused  └──────────> lost <────────────┘   the socket or the way broke
//                        └──────── after a back-off ──┘
//
// A streamer that somebody has ended is not made again by whoever watched it; one that went with its runtime is.
//
// Refused it stays until it is closed and opened again, with another token.
//
// The server offers. What it offers beside the data is taken as inactive. This side makes the channels for what hands do and
// `desk`, and takes `general`, which is the server's.

import { Patience } from "./patience.js";
import * as token from "./token.js";

const ANSWER_MS = 10_000;
// A handshake on a bad network.
const OPEN_MS = 15_000;
// A way that breaks often comes back by itself.
const BROKEN_MS = 4_000;
// The server lets go of what is held by one whom it has not heard for 2 s.
const LIFE_MS = 500;
// More is waiting than the way carries: moves that later ones replace are no longer put behind it.
const WAITING_BYTES = 512;
const LABELS = ["keyboard", "mouse", "touch"];
const DESK = "desk";

/** A streamer of that app, for a server that has none of that name yet. */
const wanted = (id, app, { width, height, fps }) => ({
  streamer_id: id, client_unique_id: "view", host_id: 0, app_id: app, bitrate: 4000, packet_size: 1200,
  fps: fps || 30, width: width || 1280, height: height || 720, video_sample_queue_size: 20, play_audio_local: false,
  audio_sample_queue_size: 20, video_supported_formats: 1, video_colorspace: "Rec709", video_color_range_full: false,
});

/** Why there is no line: `looking` (the token is for that alone), `none` (no such thing here), `denied`, or `later`. */
function refusal(status) {
  return { 401: "denied", 403: "looking", 404: "none", 405: "none", 501: "none" }[status] ?? "later";
}

/** The number of what it shows: 0 is the session's own display, null what its document does not name. */
async function appOf(base, page) {
  if (page === null) return 0;
  const answer = await fetch(`${base}/api/apps`, { headers: token.headers(), signal: AbortSignal.timeout(ANSWER_MS) });
  const { apps } = answer.ok ? await answer.json() : { apps: [] };
  return apps.find(({ app_id: app, title }) => app > 0 && title === page)?.app_id ?? null;
}

/** Has the streamer made, where the token may and there is none. The answer's status. */
export async function make(base, { id, page }, picture) {
  const app = await appOf(base, page);
  if (app === null) return 404;
  const headers = { "Content-Type": "application/json", ...token.headers() };
  const body = JSON.stringify(wanted(id, app, picture));
  const answer = await fetch(`${base}/api/streamers`, { method: "POST", headers, body, signal: AbortSignal.timeout(ANSWER_MS) });
  return answer.status;
}

export class Line {
  state = "closed";
  why = "";
  peer = null;
  #base;
  #streamer = null;
  #on;
  #patience = new Patience(() => this.#ask());
  #picture = {};
  #socket = null;
  #channels = {};
  #moves = {};
  #timers = [];
  #turn = 0;
  // Somebody has ended the streamer.
  #ended = false;

  /** `on`: `state()`; `greeted()` when the channel `desk` is open, `told(message)` there; `complete({capabilities})`; `life()`. */
  constructor(base, on) {
    this.#base = base;
    this.#on = on;
    window.addEventListener("online", () => this.hurry());
  }

  /** `streamer` has the `id` and the `page` that it shows, null the session's own; `picture` is what one is asked for that is not there yet. */
  open(streamer, picture) {
    this.#streamer = streamer;
    this.#picture = picture;
    if (this.state === "closed") this.#ask();
  }

  close() {
    this.#ended = false;
    this.#patience.cancel();
    this.#end();
    this.#become("closed");
  }

  hurry() {
    if (this.state === "lost") this.#patience.hurry();
  }

  /** On the channel of that label. One that `isReplaced` by the next of its kind waits where much does, and is forgotten then. */
  send(label, message, isReplaced = false) {
    const channel = this.#channels[label];
    if (channel?.readyState !== "open") return false;
    if (isReplaced && channel.bufferedAmount > WAITING_BYTES) {
      this.#moves[label] = message;
      return true;
    }
    const waits = this.#moves[label];
    delete this.#moves[label];
    if (waits && !isReplaced) channel.send(waits);
    channel.send(message);
    return true;
  }

  /** On the channel `desk`: an object as JSON, a buffer as it is. Whether it goes. */
  say(message) {
    return this.send(DESK, message instanceof ArrayBuffer ? message : JSON.stringify(message));
  }

  async #ask() {
    this.#patience.cancel();
    this.#turn += 1;
    const turn = this.#turn;
    this.#become("asking");
    try {
      const status = await (this.#ended ? this.#isThere() : make(this.#base, this.#streamer, this.#picture));
      // Whoever closed it meanwhile may have opened it again.
      if (turn !== this.#turn) return;
      // It is there, or it is there already.
      if (status === 200 || status === 409) return this.#connect();
      this.why = this.#ended && status === 404 ? "ended" : refusal(status);
    } catch {
      // It is the runtime that has ended, and all that was there with it.
      this.#ended = false;
      this.why = "later";
    }
    if (turn !== this.#turn) return;
    if (this.why === "later") return this.#lose();
    this.#become("refused");
  }

  async #isThere() {
    const answer = await fetch(this.#http, { headers: token.headers(), signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.status;
  }

  get #http() {
    return `${this.#base}/api/streamers/${encodeURIComponent(this.#streamer.id)}`;
  }

  #connect() {
    this.#become("connecting");
    const url = new URL(`${this.#http}/peer?${token.query()}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.#socket = socket;
    // In the order in which they came: an answer takes several steps.
    let turn = Promise.resolve();
    socket.onmessage = ({ data }) => {
      turn = turn.then(() => socket === this.#socket && this.#heard(data)).catch((error) => socket === this.#socket && this.#failed(error));
    };
    socket.onclose = () => socket === this.#socket && this.#lose();
    this.#timers.push(setTimeout(() => this.state === "connecting" && this.#lose(), OPEN_MS));
  }

  async #heard(data) {
    const message = JSON.parse(data);
    const [kind, said] = typeof message === "string" ? [message] : Object.entries(message)[0];
    if (kind === "WebRtcConfig") this.#begin(said.ice_servers);
    else if (kind === "Signaling") await this.#signal(said);
    else if (kind === "ConnectionComplete") this.#on.complete(said);
    else if (kind === "ClientKicked") token.forget();
    else if (kind === "PeerDisconnect") this.#ended = true;
    if (["PeerDisconnect", "ConnectionTerminated", "ClientKicked", "InternalServerError"].includes(kind)) this.#lose();
  }

  #begin(servers) {
    const iceServers = servers.map(({ urls, username, credential }) => (username ? { urls, username, credential } : { urls }));
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
    this.peer = peer;
    for (const label of [...LABELS, DESK]) this.#take(peer.createDataChannel(label));
    peer.ondatachannel = ({ channel }) => this.#take(channel);
    peer.onicecandidate = ({ candidate }) => candidate && this.#offerWay(candidate);
    let broken = 0;
    peer.onconnectionstatechange = () => {
      clearTimeout(broken);
      if (peer !== this.peer) return;
      if (peer.connectionState === "failed") this.#lose();
      if (peer.connectionState === "disconnected") broken = setTimeout(() => peer === this.peer && this.#lose(), BROKEN_MS);
    };
  }

  #take(channel) {
    this.#channels[channel.label] = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = 0;
    channel.onbufferedamountlow = () => this.#moves[channel.label] && this.send(channel.label, this.#moves[channel.label], true);
    channel.onopen = () => (channel.label === DESK ? this.#on.greeted() : this.#opened());
    channel.onclose = () => this.#channels[channel.label] === channel && this.#lose();
    if (channel.label === DESK) channel.onmessage = ({ data }) => this.#read(data);
  }

  #read(data) {
    try {
      this.#on.told(typeof data === "string" ? JSON.parse(data) : { Part: data });
    } catch (error) {
      console.info("understudy: not understood on the channel desk", error.message);
    }
  }

  #opened() {
    if (this.state !== "connecting" || !LABELS.every((label) => this.#channels[label]?.readyState === "open")) return;
    this.#patience.reset();
    this.#timers.push(setInterval(() => this.#on.life(), LIFE_MS));
    this.#become("open");
  }

  async #signal({ Description: description, AddIceCandidate: way }) {
    const { peer } = this;
    if (way?.candidate) {
      const candidate = { candidate: way.candidate, sdpMid: way.sdp_mid, sdpMLineIndex: way.sdp_mline_index };
      await peer.addIceCandidate({ ...candidate, usernameFragment: way.username_fragment ?? undefined }).catch(() => {});
    }
    if (description?.ty !== "offer") return;
    await peer.setRemoteDescription({ type: "offer", sdp: description.sdp });
    for (const transceiver of peer.getTransceivers()) transceiver.direction = "inactive";
    await peer.setLocalDescription();
    if (peer === this.peer) this.#post({ Signaling: { Description: { ty: "answer", sdp: peer.localDescription.sdp } } });
  }

  #offerWay({ candidate, sdpMid, sdpMLineIndex, usernameFragment }) {
    const way = { candidate, sdp_mid: sdpMid, sdp_mline_index: sdpMLineIndex, username_fragment: usernameFragment };
    this.#post({ Signaling: { AddIceCandidate: way } });
  }

  #post(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #failed(error) {
    console.info("understudy: the line failed", error.message);
    this.#lose();
  }

  #lose() {
    if (["lost", "closed", "refused"].includes(this.state)) return;
    this.#end();
    this.#become("lost");
    this.#patience.plan("soon");
  }

  #end() {
    const { peer } = this;
    this.#turn += 1;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    [this.peer, this.#channels, this.#moves] = [null, {}, {}];
    const socket = this.#socket;
    this.#socket = null;
    peer?.close();
    socket?.close();
  }

  #become(state) {
    this.state = state;
    this.#on.state();
  }
}
