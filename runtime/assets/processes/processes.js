// The list of processes: asked for every two seconds while somebody looks.

import * as login from "/processes/assets/login.js";
import * as token from "/view/assets/token.js";

const EVERY_MS = 2_000;
const ANSWER_MS = 5_000;
const base = location.pathname.replace(/\/processes\/?$/, "");
const element = (id) => document.getElementById(id);

// What a state is, in one of three colours; all else rests.
const KINDS = { running: "live", starting: "busy", finishing: "busy", failed: "trouble", killed: "trouble" };

let asking = null;

function become(state, text) {
  document.body.dataset.state = state;
  if (element("summary").textContent !== text) element("summary").textContent = text;
}

/** `3 d 4 h`, `2 h 5 min`, `1 min 3 s`: two units are enough. */
export function duration(seconds) {
  const units = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  let rest = Math.floor(seconds);
  const parts = units.slice(first, first + 2).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return [count, unit];
  });
  return parts.filter(([count], at) => count || !at).map((part) => part.join(" ")).join(" ");
}

export function bitrate(kilobits) {
  if (!(kilobits > 0)) return "–";
  return kilobits < 1_000 ? `${Math.round(kilobits)} kbit/s` : `${(kilobits / 1_000).toFixed(1)} Mbit/s`;
}

function stateOf({ order, exec, reconnect_seconds: again }) {
  const waits = order === "start" && exec !== "running" && again >= 0;
  return waits ? `${exec}, again in ${duration(again)}` : exec;
}

function fill(row, process) {
  const { id, reference, state = {} } = process;
  const set = (selector, text) => {
    const part = row.querySelector(selector);
    if (part.textContent !== text) part.textContent = text;
  };
  row.dataset.kind = KINDS[state.exec] ?? "rest";
  set("h2", reference ? `${reference} (${id})` : id);
  set(".state span", stateOf(state));
  set(".uptime", duration(state.runtime_seconds ?? 0));
  set(".bitrate", bitrate(state.progress?.bitrate_kbit));
  set(".line", state.last_logline ?? "");
  // Told to whoever may watch, and only where there is a place for it; a config is neither.
  const isWatched = Boolean(state.webrtc);
  const { video = "–", reason = "" } = state.webrtc ?? {};
  set(".webrtc", video);
  row.querySelector(".webrtc").title = reason;
  const play = row.querySelector(".play");
  play.hidden = !isWatched;
  play.href = `${base}/view?process=${encodeURIComponent(id)}`;
  play.setAttribute("aria-label", `Watch ${id}`);
}

function show(processes) {
  const list = element("list");
  const known = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const rows = processes.map((process) => {
    const row = known.get(process.id) ?? element("process").content.firstElementChild.cloneNode(true);
    row.dataset.id = process.id;
    fill(row, process);
    return row;
  });
  // Rows that stay where they are keep their focus.
  if (rows.length !== list.children.length || rows.some((row, at) => list.children[at] !== row)) list.replaceChildren(...rows);
  element("none").hidden = rows.length > 0;
  const running = processes.filter(({ state }) => state?.exec === "running").length;
  become("shown", `${processes.length} in all, ${running} running`);
}

const list = () => fetch(`${base}/api/v3/process?filter=state`, {
  headers: token.headers(), signal: AbortSignal.timeout(ANSWER_MS),
});

async function lock() {
  element("list").replaceChildren();
  const isOffered = await login.isOffered(base).catch(() => false);
  element("login").hidden = !isOffered;
  element("entry").hidden = false;
  become("trouble", isOffered ? "This list needs a login" : "This list needs an access token");
}

async function ask() {
  let answer = await list();
  if (answer.status === 401 && await login.renew(base)) answer = await list();
  if (answer.status === 401 || answer.status === 403) return lock();
  element("login").hidden = element("entry").hidden = true;
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  const told = await answer.json();
  show((Array.isArray(told) ? told : []).sort((one, other) => one.id.localeCompare(other.id)));
}

/** One at a time, and none while nobody looks. */
async function look() {
  if (asking || document.visibilityState === "hidden") return;
  asking = ask().catch((error) => become("trouble", `Not up to date: ${error.message}`));
  await asking;
  asking = null;
}

token.take();
element("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [element("name").value, element("password").value];
  element("password").value = "";
  const why = await login.enter(base, name, password).catch((error) => `It did not work: ${error.message}`);
  element("wrong").textContent = why;
  if (!why) look();
});
element("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  token.keep(element("token").value);
  element("token").value = "";
  look();
});
document.addEventListener("visibilitychange", look);
setInterval(look, EVERY_MS);
look();
