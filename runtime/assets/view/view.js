// Watches one programme over WHEP and says truthfully how that goes.
//
//   connecting ──> live ──> reconnecting ──> live
//        └──> unauthorized | not-found | failed   (until somebody does something)
"use strict";

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
// Longer than a handshake on a bad network, shorter than a person's patience.
const PICTURE_DEADLINE_MS = 12_000;
// With no new frame for this long the picture stands still and is called that.
const STALL_MS = 4_000;
const FIGURES_MS = 1_000;

const element = (id) => document.getElementById(id);
const video = element("video");
const base = location.pathname.replace(/\/view(\/.*)?$/, "");
const name = decodeURIComponent((location.pathname.match(/\/view\/([^/]+)\/?$/) || [])[1] || "program");

const understudy = { state: "connecting", name, width: 0, height: 0, fps: 0, lost: 0, frames: 0, attempts: 0 };
window.understudy = understudy;

const TEXTS = {
  connecting: ["Connecting", "Connecting", "The picture is on its way."],
  live: ["Live", "Live", ""],
  reconnecting: ["Reconnecting", "The connection was lost", "It is tried again by itself."],
  waiting: ["Waiting", "Nothing on stage yet", "This page begins to play as soon as something is published."],
  unauthorized: ["No access", "This needs an access token", "The link you followed had none, or it is no longer valid. Paste a token here, or ask for a new link."],
  "not-found": ["Not found", "There is nothing of this name", `No programme is called “${name}”. It may have ended, or the address may be mistyped.`],
  failed: ["Not playing", "This picture cannot be played", ""],
};

let session = null; // {peer, url, since, lastFrames, movedAt}
let retryTimer = 0;

function show(state, advice) {
  const [badge, headline, text] = TEXTS[state];
  understudy.state = state;
  document.body.dataset.state = state;
  element("badge-text").textContent = badge;
  element("headline").textContent = headline;
  element("advice").textContent = advice || text;
  element("entry").hidden = state !== "unauthorized";
  element("again").hidden = !["not-found", "failed"].includes(state);
  document.title = state === "live" ? `${name} · Understudy` : `${badge} · ${name} · Understudy`;
  showSound();
}

// The token leaves the address bar, where it would be bookmarked, shared and read over a shoulder.
function takeToken() {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  if (given === null) return;
  sessionStorage.setItem("understudy.token", given);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

function authorization() {
  const token = sessionStorage.getItem("understudy.token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function connect() {
  clearTimeout(retryTimer);
  end();
  understudy.attempts += 1;
  const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const mine = { peer, url: null, since: performance.now(), frames: 0, movedAt: performance.now() };
  session = mine;
  const stream = new MediaStream();
  for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
  peer.ontrack = ({ track, receiver }) => {
    // Live matters more than smooth: keep the buffer as small as the network allows.
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    stream.addTrack(track);
    if (video.srcObject !== stream) video.srcObject = stream;
    video.play().catch(() => {});
  };
  peer.onconnectionstatechange = () => {
    if (session === mine && ["failed", "closed"].includes(peer.connectionState)) retry();
  };
  try {
    await peer.setLocalDescription();
    const response = await fetch(`${base}/whep/${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", ...authorization() },
      body: peer.localDescription.sdp,
    });
    if (response.status !== 201) return session === mine && (await refused(response));
    mine.url = new URL(response.headers.get("Location"), response.url).href;
    const sdp = await response.text();
    if (session !== mine) return leave(mine);
    await peer.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    if (session === mine) retry(String(error.message || error));
  }
}

async function refused(response) {
  const said = await response.json().then((body) => body.message, () => "");
  end();
  switch (response.status) {
    case 401:
    case 403:
      show("unauthorized");
      element("token").focus();
      return;
    case 404:
      show("not-found");
      return;
    case 409:
      show("waiting");
      again((Number(response.headers.get("Retry-After")) || 2) * 1000);
      return;
    default:
      if (response.status >= 500) retry(said);
      else show("failed", said);
  }
}

let delay = FIRST_RETRY_MS;

function retry(why) {
  console.info("understudy: trying again", why || "");
  end();
  show(understudy.frames > 0 || understudy.attempts > 1 ? "reconnecting" : "connecting");
  again(delay * (0.75 + Math.random() / 2));
  delay = Math.min(delay * 2, LONGEST_RETRY_MS);
}

function again(after) {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, after);
}

function end() {
  const old = session;
  session = null;
  if (old) leave(old);
}

function leave({ peer, url }) {
  peer.onconnectionstatechange = null;
  peer.close();
  // Survives the page; if it does not, the server notices the silence.
  if (url) fetch(url, { method: "DELETE", headers: authorization(), keepalive: true }).catch(() => {});
}

async function measure() {
  const mine = session;
  if (!mine) return;
  const report = await mine.peer.getStats();
  if (session !== mine) return;
  let lost = 0;
  for (const entry of report.values()) {
    if (entry.type !== "inbound-rtp") continue;
    lost += Math.max(entry.packetsLost || 0, 0);
    if (entry.kind !== "video") continue;
    Object.assign(understudy, {
      width: entry.frameWidth || 0, height: entry.frameHeight || 0,
      fps: Math.round(entry.framesPerSecond || 0), frames: entry.framesDecoded || 0,
    });
  }
  understudy.lost = lost;
  const now = performance.now();
  if (understudy.frames > mine.frames) {
    mine.frames = understudy.frames;
    mine.movedAt = now;
    delay = FIRST_RETRY_MS;
    if (understudy.state !== "live") show("live");
  } else if (now - mine.movedAt > (mine.frames ? STALL_MS : PICTURE_DEADLINE_MS)) {
    retry("no picture");
  }
  showFigures();
}

function showFigures() {
  const { width, height, fps, lost, state } = understudy;
  element("figures").textContent =
    state === "live" ? `${width} × ${height}   ·   ${fps} fps   ·   ${lost} lost` : "";
}

function showSound() {
  element("mute").setAttribute("aria-pressed", String(video.muted));
  element("mute").setAttribute("aria-label", video.muted ? "Turn the sound on" : "Turn the sound off");
  element("unmute").hidden = !video.muted || understudy.state !== "live";
}

function toggleSound() {
  video.muted = !video.muted;
  video.play().catch(() => {});
  showSound();
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else element("stage").requestFullscreen().catch(() => {});
}

element("unmute").addEventListener("click", toggleSound);
element("mute").addEventListener("click", toggleSound);
element("full").addEventListener("click", toggleFullScreen);
element("again").addEventListener("click", () => { show("connecting"); connect(); });
element("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("understudy.token", element("token").value.trim());
  element("token").value = "";
  show("connecting");
  connect();
});
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "m") toggleSound();
  if (event.key === "f") toggleFullScreen();
});
// The first frame should be told when it is there, not when the next measurement is due.
video.addEventListener("playing", measure);
window.addEventListener("pagehide", end);
window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
window.addEventListener("online", () => { if (understudy.state === "reconnecting") connect(); });

takeToken();
element("name").textContent = name;
show("connecting");
setInterval(measure, FIGURES_MS);
connect();
