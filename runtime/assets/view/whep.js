// One viewer's place at a WHEP server (draft-ietf-wish-whep): taken, its way found anew, given back. What to do when that
// does not work is decided elsewhere.

const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";
const CREDENTIALS = ["ice-ufrag", "ice-pwd"];
// An answer takes milliseconds and a round trip; who waits longer asks nobody.
const ANSWER_MS = 10_000;
// Whoever comes after it waits for it; the server notices the silence anyway.
const LEAVE_MS = 2_000;

/** What a server said no with; `retryAfter` in milliseconds, or null. */
export class Refusal extends Error {
  static async of(response) {
    const said = await response.json().then((body) => body.message, () => "");
    const refusal = new Refusal(said || response.statusText);
    refusal.status = response.status;
    refusal.retryAfter = retryAfter(response.headers.get("Retry-After"), Date.now());
    return refusal;
  }

  /** A server that has sound for this browser and no picture does not call that a refusal. */
  static ofCodec() {
    return Object.assign(new Refusal("the picture was refused in the answer"), { status: 406, retryAfter: null });
  }
}

/** Nobody answered, or nothing came: it is the network, or who should be there is not. */
export class Silence extends Error {
  isAbsence = true;
}

/** Seconds, or a date (RFC 9110 §10.2.3), as milliseconds from `now`. */
export function retryAfter(text, now) {
  if (!text) return null;
  const after = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(after) ? Math.max(after, 0) : null;
}

/** The ICE servers of a `Link` header (RFC 9725 §4.6), as far as this browser takes them. */
export function iceServers(link) {
  const servers = [];
  for (const [, urls, rest] of (link || "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)) {
    const said = {};
    for (const [, key, value] of rest.matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)) said[key] = value.replace(/\\(.)/g, "$1");
    const { username, credential } = said;
    const server = username === undefined ? { urls } : { urls, username, credential };
    if (said.rel === "ice-server" && isTaken(server)) servers.push(server);
  }
  return servers;
}

function isTaken(server) {
  try {
    new RTCPeerConnection({ iceServers: [server] }).close();
    return true;
  } catch {
    return false;
  }
}

export class Place {
  #endpoint;
  #headers;
  #taking = null;
  #isLeft = false;
  #answer = "";

  /** `headers` say who asks. The ICE servers are those that the server told the last time. */
  constructor(endpoint, headers, servers) {
    this.#endpoint = endpoint;
    this.#headers = headers;
    this.url = null;
    this.learned = [];
    this.stream = new MediaStream();
    this.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: servers });
    for (const kind of ["video", "audio"]) this.peer.addTransceiver(kind, { direction: "recvonly" });
    this.peer.ontrack = ({ track, receiver }) => {
      // Live matters more than smooth: keep the buffer as small as the network allows.
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      this.stream.addTrack(track);
    };
  }

  /** Throws a `Refusal`, a `Silence`, or what the browser has against the answer. */
  async take() {
    await this.peer.setLocalDescription();
    // Whoever has left would not give back what is taken from now on.
    if (this.#isLeft) throw new Silence("left");
    this.#taking = this.#ask(this.#endpoint, "POST", SDP, this.peer.localDescription.sdp);
    const response = await this.#taking;
    if (response.status !== 201) throw await Refusal.of(response);
    this.url = placeOf(response);
    this.#answer = await response.text();
    this.#learn(iceServers(response.headers.get("Link")));
    if (!carriesPicture(this.#answer)) throw Refusal.ofCodec();
    await this.peer.setRemoteDescription({ type: "answer", sdp: this.#answer });
  }

  /** The way is found anew: an ICE restart (RFC 9725 §4.3.3). The picture goes on where it was. */
  async restart() {
    await this.peer.setLocalDescription(await this.peer.createOffer({ iceRestart: true }));
    const offered = this.peer.localDescription.sdp;
    const fragment = CREDENTIALS.map((name) => `${line(offered, name)}\r\n`).join("");
    const response = await this.#ask(this.url, "PATCH", FRAGMENT, fragment, { "If-Match": "*" });
    if (response.status !== 200) throw await Refusal.of(response);
    const told = await response.text();
    for (const name of CREDENTIALS) this.#answer = this.#answer.replaceAll(line(this.#answer, name), line(told, name));
    await this.peer.setRemoteDescription({ type: "answer", sdp: this.#answer });
  }

  /** Gives it back. Done when the server knows, or cannot be told. */
  async leave() {
    this.#isLeft = true;
    this.peer.onconnectionstatechange = null;
    this.peer.close();
    if (!this.url) await this.#taken();
    if (!this.url) return;
    // `keepalive` survives the page.
    const signal = AbortSignal.timeout(LEAVE_MS);
    await fetch(this.url, { method: "DELETE", headers: this.#headers, keepalive: true, signal }).catch(() => {});
  }

  /** Who leaves while the answer is on its way has a place for all that. */
  async #taken() {
    const response = await Promise.resolve(this.#taking).catch(() => null);
    if (response?.status === 201) this.url = placeOf(response);
  }

  #learn(servers) {
    this.learned = servers;
    if (!servers.length) return;
    this.peer.setConfiguration({ ...this.peer.getConfiguration(), iceServers: servers });
  }

  async #ask(url, method, type, body, more = {}) {
    const headers = { "Content-Type": type, ...this.#headers, ...more };
    try {
      return await fetch(url, { method, headers, body, signal: AbortSignal.timeout(ANSWER_MS) });
    } catch (error) {
      throw new Silence(error.message);
    }
  }
}

function placeOf(response) {
  const location = response.headers.get("Location");
  if (!location) throw new Error("the answer has no Location");
  return new URL(location, response.url).href;
}

/** A section whose picture nobody can send is refused, or stays for the sake of its transport and is inactive. */
function carriesPicture(sdp) {
  const sections = sdp.split(/^(?=m=)/m);
  return sections.some((section) => /^m=video (?!0 )/.test(section) && !/^a=inactive/m.test(section));
}

function line(sdp, name) {
  const found = sdp.match(new RegExp(`^a=${name}:.*$`, "m"));
  if (!found) throw new Error(`there is no ${name}`);
  return found[0].trim();
}
