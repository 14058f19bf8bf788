// The session's streams, by name, for who wants another one. The choice stands in the page's address.

import { element } from "./page.js";

// Names that nobody scrolls through: a list is for choosing.
const MOST = 100;
const ANSWER_MS = 5_000;

// What a session shows, whatever its streams are called.
const PROGRAM = "program";
// Before the name of a page that the session's document names.
const PAGE = "page:";

export const base = location.pathname.replace(/\/view(\/.*)?$/, "");

/** The process that the address names, if it names one: that has no other streams beside it. */
const PROCESS = new URLSearchParams(location.search).get("process");

/** Where a stream is watched. */
export function endpoint(name) {
  if (PROCESS !== null) return `${base}/api/v3/process/${encodeURIComponent(PROCESS)}/whep`;
  return `${base}/whep/${encodeURIComponent(name)}`;
}

/** What the address names. */
export function named() {
  if (PROCESS !== null) return PROCESS;
  const found = location.pathname.match(/\/view\/([^/]+)\/?$/);
  try {
    return found ? decodeURIComponent(found[1]) : PROGRAM;
  } catch {
    return found[1];
  }
}

/** By which a display is steered that is watched under that name, null of what somebody sends: its `id`, and the `page` that it shows. */
export function streamer(name) {
  if (PROCESS !== null) return null;
  if (name === PROGRAM) return { id: "desk", page: null };
  return name.startsWith(PAGE) ? { id: name, page: name.slice(PAGE.length) } : null;
}

/** Asks what there is. Who is not told chooses nothing. */
export async function refresh(current, headers) {
  if (PROCESS !== null) return offer([], current);
  const told = await fetch(`${base}/stream/list`, { headers, signal: AbortSignal.timeout(ANSWER_MS) })
    .then((response) => (response.ok ? response.json() : []))
    .catch(() => []);
  const names = Array.isArray(told) ? told.map((stream) => stream?.id).filter((id) => typeof id === "string") : [];
  offer([...new Set(names)].slice(0, MOST), current);
}

function offer(names, current) {
  // One stream is the programme itself under another name; who came to neither is shown the way.
  const isChoice = names.length > 1 || (names.length === 1 && ![names[0], PROGRAM].includes(current));
  element("choice").hidden = !isChoice;
  element("name").hidden = isChoice;
  const all = names.includes(current) ? names : [current, ...names];
  const list = element("streams");
  // Who has it open would lose their place.
  if ([...list.options].map((option) => option.value).join("\n") !== all.join("\n")) {
    list.replaceChildren(...all.map((name) => new Option(name, name)));
  }
  list.value = current;
}

/** `chosen` is called with another name; a step back in the browser's history chooses, too. */
export function listen(chosen) {
  element("streams").addEventListener("change", ({ target }) => {
    history.pushState(null, "", `${base}/view/${encodeURIComponent(target.value)}`);
    chosen(target.value);
  });
  window.addEventListener("popstate", () => chosen(named()));
}
