// The page of calls: who calls, who is called, and both sides of a call. A call is the server's, and goes on without this page.

import * as token from "/view/assets/token.js";
import * as desk from "./desk.js";
import { Loopback } from "./loopback.js";
import { ending, view } from "./states.js";
import { WebM } from "./webm.js";

const AGAIN_MS = 1_000;

const element = (id) => document.getElementById(id);
const known = { problem: null, ringing: [], call: null, ended: null };
// Of the call that goes on: what tells of it, and what plays its sides.
let [course, playing, preview] = [null, null, null];

function show() {
  const { kind, title, text, line, ...shown } = view(known);
  document.body.dataset.kind = kind;
  document.body.dataset.own = known.call && !known.problem ? "on" : "off";
  element("title").textContent = title;
  element("text").textContent = text;
  element("line").textContent = line;
  for (const id of ["entry", "answer", "dial", "bar"]) element(id).hidden = !shown[id];
  press("mute", known.call?.audio_on === false, ["Mute", "Unmute"]);
  press("cover", known.call?.video_on === false, ["Camera off", "Camera on"]);
  document.title = known.ringing.length ? `${known.ringing[0].remote_peer} calls` : "Understudy: calls";
}

function press(id, isOn, [off, on]) {
  element(id).setAttribute("aria-pressed", String(isOn));
  element(id).textContent = isOn ? on : off;
}

/** Does that, and says what is wrong with it. */
const does = (act) => async (event) => {
  event?.preventDefault();
  try {
    await act();
  } catch (error) {
    if (error.status === 401 || error.status === 403) known.problem = "locked";
    else known.ended = { text: error.message, isQuiet: false };
  }
  show();
};

function rings(told) {
  const { type, channel_id } = told;
  known.ringing = known.ringing.filter((other) => other.channel_id !== channel_id);
  if (type === "incoming-call") known.ringing.push(told);
  show();
  // Taken here or by another page: both show it.
  if (type === "call-accepted" && !known.call) resume();
}

/** What goes on was begun by another page, or by this one before it was loaded anew. */
const resume = does(async () => {
  const [call] = await desk.ask("active");
  if (call && !known.call) enter(call);
});

function enter(call) {
  leave();
  [known.call, known.ended] = [call, null];
  const { channel_id: channel } = call;
  const names = {
    state: (state) => {
      const begins = state.phase === "connected" && !playing;
      known.call = state;
      if (begins) play(channel);
      show();
    },
    hangup: (told) => {
      leave();
      known.ended = ending(told);
      show();
    },
  };
  course = desk.hear(`session/${encodeURIComponent(channel)}/events`, names, () => {
    // Closed by the server: the call is over, and nobody was there to hear it.
    if (course?.readyState !== EventSource.CLOSED) return;
    leave();
    show();
  });
  preview = new WebM(element("own"), "self", channel);
  show();
}

function play(channel) {
  const video = element("other");
  playing = "RTCPeerConnection" in window ? new Loopback(video, channel) : new WebM(video, "media", channel);
}

function leave() {
  for (const part of [course, playing, preview]) part?.close();
  [course, playing, preview, known.call] = [null, null, null, null];
}

const accept = does(async () => {
  const [{ channel_id, remote_peer }] = known.ringing;
  if (known.call) await desk.ask("hangup", { channel_id: known.call.channel_id });
  await desk.ask("accept", { channel_id, remote_peer });
  await take(channel_id);
});

const dial = does(async () => {
  const remote_peer = element("peer").value.trim();
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const channel_id = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await desk.ask("start", { channel_id, remote_peer });
  await take(channel_id);
});

async function take(channel) {
  const calls = await desk.ask("active");
  const call = calls.find(({ channel_id }) => channel_id === channel);
  if (call) enter(call);
}

const of = (path) => does(() => desk.ask(path, { channel_id: known.call.channel_id }));
const decline = does(() => desk.ask("hangup", { channel_id: known.ringing[0].channel_id }));

// Who may not play with sound plays without, and is offered it.
function sound() {
  const video = element("other");
  video.play().catch((error) => {
    if (error.name !== "NotAllowedError") return;
    video.muted = true;
    video.play().catch(() => {});
  }).finally(() => { element("sound").hidden = !video.muted; });
}

const open = does(async () => {
  const { mode } = await desk.ask("mode");
  known.problem = mode === "native" ? null : "off";
  if (known.problem) return;
  const lost = () => {
    known.problem = "away";
    known.ringing = [];
    show();
  };
  const connected = () => {
    known.problem = null;
    resume();
  };
  const source = desk.hear("events", { call: rings, connected }, () => {
    lost();
    // The browser goes on by itself unless the server has said no.
    if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
  });
});

token.take();
element("entry").addEventListener("submit", (event) => {
  token.keep(element("token").value);
  element("token").value = "";
  open(event);
});
element("dial").addEventListener("submit", dial);
const buttons = { accept, decline, mute: of("toggle-audio"), cover: of("toggle-video"), hangup: of("hangup") };
for (const [id, act] of Object.entries(buttons)) element(id).addEventListener("click", act);
element("sound").addEventListener("click", () => {
  element("other").muted = false;
  sound();
});
element("other").addEventListener("loadeddata", sound);
open();
