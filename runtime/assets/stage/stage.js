// Goes on a stage and leaves it, and says truthfully how that goes.
//
//   waiting ── told a stage ──> joining ── the server says that pictures arrive ──> on-stage
//      ^                        ^  │ a failure                                        │ no more of that, or the way broke
//      │ kicked, or left        │  v                                                  │
//      └──────────────────── trouble <────────────────────────────────────────────────┘
//                               └── tried again with back-off, where that may help

import * as address from "/stage/assets/address.js";
import { open } from "/stage/assets/socket.js";
import { Publication } from "/stage/assets/whip.js";
import { Place } from "/view/assets/whep.js";

const LOOK_MS = 1_000;
// From a handshake to a first report of what has arrived: reports come each second or so.
const ARRIVAL_MS = 15_000;
// Reports that stop for longer say that nothing arrives.
const SILENT_MS = 10_000;
const SOONEST_MS = 1_000;
const LATEST_MS = 30_000;
// What somebody has to change.
const HOPELESS = [400, 401, 403, 404, 405, 406, 410, 415, 422];

const element = (id) => document.getElementById(id);

/** For tests, and for whoever looks with the browser's tools. */
const page = { state: "waiting", attempts: 0 };
window.stagePage = page;

const given = address.take();
// What the session's browser has for the page of a stage.
const invited = window.understudy;
given.token = given.token || invited?.participantToken || "";
/** The stage to be on: `{whip, token, isInvited}`. */
let stage = null;
let mine = null; // {publication, since, heard}
let camera = null;
let failures = 0;
let again = 0;
let turn = 0;

function become(state, headline, advice = "", detail = "") {
  page.state = state;
  document.body.dataset.state = state;
  element("headline").textContent = headline;
  element("advice").textContent = advice;
  element("detail").textContent = detail;
  element("leave").hidden = !["joining", "on-stage"].includes(state);
}

async function devices() {
  if (camera?.active) return camera;
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  camera = await navigator.mediaDevices.getUserMedia({ video: size, audio: plain });
  element("own").srcObject = camera;
  return camera;
}

/** Goes there. Whoever is there already stays. */
async function join(target) {
  if (stage && stage.token === target.token && stage.whip === target.whip) return;
  await leave();
  stage = target;
  failures = 0;
  await attempt();
}

async function attempt() {
  const own = ++turn;
  clearTimeout(again);
  element("join").hidden = true;
  page.attempts += 1;
  become("joining", "Going on stage", "Camera and microphone are opened, and the stage is asked.");
  try {
    const endpoint = address.stageOf(stage.whip, stage.token);
    const stream = await devices();
    if (own !== turn) return;
    const publication = new Publication(endpoint, stage.token, stream);
    mine = { publication, since: performance.now(), heard: null, joined: false };
    publication.peer.onconnectionstatechange = () => {
      if (publication.peer.connectionState === "failed") fail(new Error("there is no way for media to the stage"), own);
    };
    await publication.begin();
  } catch (error) {
    fail(error, own);
  }
}

function fail(error, own) {
  if (own !== turn) return;
  turn += 1;
  const old = mine;
  mine = null;
  old?.publication.end();
  failures += 1;
  const isHopeless = HOPELESS.includes(error.status) || ["NotAllowedError", "NotFoundError"].includes(error.name);
  const wait = error.retryAfter ?? Math.min(SOONEST_MS * 2 ** (failures - 1), LATEST_MS);
  const said = error.status ? `${error.status}: ${error.message}` : String(error.message || error);
  become("trouble", "Not on stage", adviceFor(error) + (isHopeless ? "" : " It is tried again by itself."), said);
  socket.send({ type: "vp.error", error: said });
  element("join").hidden = false;
  if (!isHopeless) again = setTimeout(attempt, wait);
}

function adviceFor(error) {
  if (error.name === "NotAllowedError") return "Allow this page to use camera and microphone, then go on stage.";
  if (error.name === "NotFoundError") return "There is no camera or no microphone: plug one in, then go on stage.";
  switch (error.status) {
    case 401: return "The token is missing, wrong or no longer valid: open this page with a new one.";
    case 403: return "The stage lets nobody in with this token: ask for another one.";
    case 404: case 410: return "There is no stage at this address: check it.";
    case 400: case 406: case 415: case 422: return "The stage takes no such stream.";
    case undefined:
      return error.isAbsence ? "The stage does not answer, or does not let pages in." : "The stage cannot be joined.";
  }
  return "The stage has trouble of its own.";
}

/** Resolves when nothing of it is on the stage any more. */
async function leave() {
  turn += 1;
  clearTimeout(again);
  const old = mine;
  [mine, stage] = [null, null];
  await old?.publication.end();
}

async function leaveForGood(headline, advice) {
  await leave();
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  element("own").srcObject = null;
  become("waiting", headline, advice);
  element("join").hidden = !given.whip && !given.token;
}

/** Each second: whether it arrives. */
async function look() {
  const session = mine;
  if (!session) return;
  const own = turn;
  const said = await session.publication.acknowledged().catch(() => null);
  if (session !== mine) return;
  const now = performance.now();
  if (said && said.heard !== session.heard) {
    [session.heard, session.since] = [said.heard, now];
    if (page.state !== "on-stage") arrived(session);
  }
  if (now - session.since > (session.heard === null ? ARRIVAL_MS : SILENT_MS)) {
    fail(new Error("the stage does not say that anything arrives"), own);
  }
}

function arrived(session) {
  // What it complained of has passed.
  if (failures) socket.send({ type: "vp.ready" });
  failures = 0;
  become("on-stage", "On stage", "Camera and microphone arrive there.");
  if (session.joined) return;
  session.joined = true;
  const { jti = "", resource = "" } = address.claims(stage.token);
  socket.send({ type: "vp.joined_stage", stageArn: stage.arn || resource, participantId: jti });
}

/** An update of the participant. */
async function heed({ status, stageArn, participantToken }) {
  if (status === "INVITED" && participantToken) {
    // It is for the stage's own tab, and not for whoever was sent here with a ?whip= of somebody's.
    return invited && join({ whip: given.whip, token: participantToken, arn: stageArn, isInvited: true });
  }
  // Where somebody sent it by its address, the participant's invitations are none of its business.
  const isOver = stage ? stage.isInvited && ["KICKED", "AVAILABLE"].includes(status) : status === "KICKED";
  if (!isOver) return;
  await leaveForGood("Left the stage", "The invitation was taken back. This page joins again when there is another one.");
  // Also from one that was on none: whoever waits for that shall not wait for ever.
  if (status === "KICKED") socket.send({ type: "vp.left_stage" });
}

async function show() {
  if (!given.whep) return;
  const headers = given.token ? { Authorization: `Bearer ${given.token}` } : {};
  const place = new Place(new URL(given.whep, location.href).href, headers, []);
  const retry = () => place.leave().then(() => setTimeout(show, SOONEST_MS * 3));
  place.peer.onconnectionstatechange = () => ["failed", "closed"].includes(place.peer.connectionState) && retry();
  shown = place;
  try {
    await place.take();
    element("shown").srcObject = place.stream;
    element("shown").hidden = element("sound").hidden = false;
  } catch (error) {
    console.info("understudy: the stage is not shown:", error.message);
    retry();
  }
}

let shown = null;
const socket = open(heed, (text) => { element("socket").textContent = text; });
Object.defineProperty(page, "connection", { get: () => socket.connection });
const own = () => join({ whip: given.whip, token: given.token, isInvited: Boolean(invited) });

element("join").onclick = () => (stage ? attempt() : own());
element("leave").onclick = () => leaveForGood("Left the stage", "Go on stage again whenever you like.");
element("sound").onclick = () => {
  element("shown").muted = false;
  element("sound").hidden = true;
};
addEventListener("pagehide", () => {
  mine?.publication.end();
  shown?.leave();
});
setInterval(look, LOOK_MS);

if (given.whip || given.token) {
  // A link of another site shall not open somebody's camera.
  if (document.body.dataset.joins === "at-once") own();
  else {
    become("waiting", "Ready", "Somebody's link would publish your camera and microphone. Go on stage if you want that.");
    element("join").hidden = false;
  }
} else {
  become("waiting", "Waiting for an invitation", "Or open this page with ?whip=…&token=…, to go on a stage at once.");
}
show();
