// Watches one stream over WHEP and says truthfully how that goes. What a failure means is decided in states.js.
//
//                 pictures                 none for a while, or the way broke
//   connecting ──────────────> live ────────────────────────────────> reconnecting: the way is found anew (ICE restart)
//     ^  │ a failure            ^  pictures                                │     │
//     │  v                      └──────────────────────────────────────────┘     │ the place is gone, or nothing comes
//   every other state <──────────────────────────────────────────────────────────┘
//     │
//     └─> connecting: after a back-off or Retry-After; at once when the network is back, the tab is shown again or somebody
//         says so; never by itself where only a person can help (no access, codec)
//
// There is one place at a server at most: whoever takes one has given the one before back.

import { element, show, showFigures, showNext } from "./page.js";
import * as controls from "./controls.js";
import * as streams from "./streams.js";
import * as token from "./token.js";
import { compare, read } from "./figures.js";
import { Desk } from "./desk.js";
import { make } from "./line.js";
import { Patience } from "./patience.js";
import { verdict } from "./states.js";
import { Place, Silence } from "./whep.js";

// Longer than a handshake on a bad network, shorter than a person's patience.
const PICTURE_DEADLINE_MS = 12_000;
// Checks among all addresses take two seconds where they succeed; then what was learned of relays is tried.
const CONNECT_MS = 4_000;
// With no new frame for this long the picture stands still and is called that.
const STALL_MS = 4_000;
// Ways that break often come back by themselves, and sooner than a restart would help.
const DISCONNECTED_MS = 2_000;
// From new credentials to a picture: a few round trips and a keyframe.
const RESTART_MS = 6_000;
const LOOK_MS = 1_000;
// Streams come and go seldom, and the list costs a request.
const STREAMS_MS = 15_000;

/** For tests, and for whoever looks with the browser's tools. */
const understudy = { state: "", name: streams.named(), width: 0, height: 0, fps: 0, lost: 0, frames: 0, attempts: 0 };
Object.defineProperty(understudy, "peer", { get: () => mine?.place.peer });
window.understudy = understudy;

const patience = new Patience(connect);
const desk = new Desk(streams.base);
let mine = null; // as `sessionAt` makes it
let given = Promise.resolve(); // when the place before is given back
let turn = 0;
let servers = [];
let trouble = null; // {since, said, pictureless}
let played = false;
let asked = 0;

function become(state) {
  understudy.state = state;
  show(state, understudy.name);
}

/** Takes a place. Of several calls at once the last one does. */
async function connect() {
  stop();
  const own = turn;
  await given;
  if (own !== turn) return;
  understudy.attempts += 1;
  try {
    await take();
  } catch (error) {
    if (own === turn) fail(error);
  }
}

async function take() {
  const session = sessionAt(new Place(streams.endpoint(understudy.name), token.headers(), servers));
  mine = session;
  session.place.peer.onconnectionstatechange = () => wayChanged(session);
  const streamer = streams.streamer(understudy.name);
  // A named page is there while a streamer shows it. Who may not make one sees it while somebody else does.
  if (streamer?.page) await make(streams.base, streamer, {}).catch(() => {});
  if (mine !== session) return;
  await session.place.take();
  if (mine !== session) return;
  servers = session.place.learned;
  element("video").srcObject = session.place.stream;
  controls.play();
}

/** `moved` is when the last picture came, or the first was waited for; `broken` since when there is no way. */
function sessionAt(place) {
  return { place, moved: performance.now(), broken: null, restarted: null, frames: 0, counters: null, figures: null };
}

/** Gives the place back, if there is one, and plans nothing. Whoever is about to take one does not. */
function stop() {
  turn += 1;
  patience.cancel();
  const old = mine;
  mine = null;
  if (old) given = old.place.leave();
}

function wayChanged(session) {
  if (session !== mine) return;
  const state = session.place.peer.connectionState;
  session.broken = state === "disconnected" ? performance.now() : null;
  if (state === "failed") lose("no way to the server was found");
}

/** What went wrong is said, and tried again if that may help. */
function fail(error) {
  stop();
  const now = performance.now();
  trouble ??= { since: now, pictureless: 0 };
  trouble.said = error.status ? `${error.status}: ${error.message}` : String(error.message || error);
  console.info("understudy: no picture", trouble.said);
  const { state, again } = verdict(error, {
    hasToken: Boolean(token.headers().Authorization), played, isOnline: navigator.onLine,
    pictureless: trouble.pictureless, lasting: now - trouble.since,
  });
  become(state);
  patience.plan(again);
  look();
}

/** Somebody wants it tried from the beginning. */
function begin() {
  patience.reset();
  trouble = null;
  become("connecting");
  connect();
}

function watch(name) {
  played = false;
  understudy.name = name;
  understudy.frames = 0;
  desk.leave();
  // The last picture of another stream is none of this one.
  element("video").srcObject = null;
  refreshStreams();
  begin();
}

/** Each second: how it goes, whether it goes at all, and what the page says of it. */
async function look() {
  showNext(patience.due, Boolean(mine) && understudy.state !== "connecting");
  const session = mine;
  const figures = session && (await measure(session));
  if (session !== mine) return;
  if (session) judge(session, performance.now());
  showFigures(understudy.state === "live" ? figures : null, told());
  const isWaited = (mine || patience.due !== null) && document.visibilityState === "visible";
  if (isWaited && performance.now() - asked > STREAMS_MS) refreshStreams();
}

/** Over a second or so: what is counted over less says nothing. */
async function measure(session) {
  const before = session.counters;
  const counters = read(await session.place.peer.getStats());
  if (session !== mine) return null;
  note(session, counters, before);
  if (before && counters.at - before.at < LOOK_MS / 2) return session.figures;
  session.counters = counters;
  session.figures = compare(counters, before);
  understudy.fps = session.figures.fps;
  return session.figures;
}

function note(session, counters, before) {
  const { width, height, lost, frames } = counters;
  // Out of sight browsers may show nothing: what comes counts as well there.
  const isHidden = document.visibilityState === "hidden" && counters.packets > (before?.packets ?? 0);
  if (frames > session.frames || (isHidden && frames)) session.moved = performance.now();
  session.frames = frames;
  Object.assign(understudy, { width, height, lost, frames });
}

/** Whether pictures come, and what is done if they do not. */
function judge(session, now) {
  const hasPictures = session.frames > 0;
  const quiet = now - session.moved;
  const isBroken = session.broken !== null && now - session.broken > DISCONNECTED_MS;
  if (hasPictures && quiet < STALL_MS && !isBroken) return settle(session);
  if (understudy.state === "live") become(navigator.onLine ? "reconnecting" : "offline");
  if (session.restarted !== null) {
    if (now - session.restarted > RESTART_MS) lose("no picture came after a restart of ICE");
  } else if (hasPictures || (quiet > CONNECT_MS && session.place.learned.length)) {
    restart(session, now);
  } else if (quiet > PICTURE_DEADLINE_MS) {
    lose("no picture came");
  }
}

function settle(session) {
  // Pictures of before a restart say nothing of it.
  if (session.restarted !== null && session.moved < session.restarted) return;
  session.restarted = null;
  patience.reset();
  trouble = null;
  played = true;
  if (understudy.state !== "live") become("live");
  const streamer = streams.streamer(understudy.name);
  if (streamer) desk.attend(streamer, session.figures ?? session.counters);
}

function lose(why) {
  trouble ??= { since: performance.now(), pictureless: 0 };
  // Where pictures came the network lets them through.
  if (mine.frames === 0) trouble.pictureless += 1;
  fail(new Silence(why));
}

async function restart(session, now) {
  session.restarted = now;
  try {
    await session.place.restart();
  } catch (error) {
    // A place that is gone is taken anew, at once.
    if (session === mine) error.isAbsence ? fail(error) : connect();
  }
}

/** For who looks after it. */
function told() {
  return [
    ["State", mine ? `${understudy.state}, ${mine.place.peer.connectionState}` : understudy.state],
    ["Attempts", String(understudy.attempts)],
    ...(trouble ? [["Last failure", trouble.said]] : []),
    ...desk.rows(),
    ...(mine?.place.url ? [["Session", mine.place.url.split("/").pop()]] : []),
  ];
}

function refreshStreams() {
  asked = performance.now();
  streams.refresh(understudy.name, token.headers());
}

function networkIsBack() {
  // Who watches may do so from another address now, and see nothing of it yet.
  if (mine?.frames && mine.restarted === null) restart(mine, performance.now());
  else patience.hurry();
}

function isShown() {
  if (document.visibilityState !== "visible") return;
  patience.hurry();
  look();
}

function enter(event) {
  event.preventDefault();
  token.keep(element("token").value.trim());
  element("token").value = "";
  desk.leave();
  refreshStreams();
  begin();
}

token.take();
controls.listen(look);
streams.listen(watch);
element("again").addEventListener("click", begin);
element("entry").addEventListener("submit", enter);
// The first frame should be told when it is there, not when the next look is due.
element("video").addEventListener("playing", look);
window.addEventListener("online", networkIsBack);
document.addEventListener("visibilitychange", isShown);
window.addEventListener("pagehide", () => { stop(); desk.leave(); });
window.addEventListener("pageshow", (event) => event.persisted && begin());
setInterval(look, LOOK_MS);
watch(understudy.name);
