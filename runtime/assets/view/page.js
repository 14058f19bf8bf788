// What the page shows: the state in words, the next try, the figures. It knows elements and no connection.

import { wordsOf } from "./states.js";
import { line, list } from "./figures.js";

export const element = (id) => document.getElementById(id);

/** `name` is what is watched. */
export function show(state, name) {
  const { kind, badge, headline, advice, asks } = wordsOf(state);
  if (document.body.dataset.state === state && element("name").textContent === name) return;
  Object.assign(document.body.dataset, { state, kind });
  element("name").textContent = name;
  element("badge-text").textContent = badge;
  element("headline").textContent = headline;
  element("advice").textContent = advice;
  element("entry").hidden = asks !== "token";
  element("again").hidden = asks !== "again";
  element("said").textContent = [headline, advice].filter(Boolean).join(". ");
  document.title = `${kind === "live" ? "" : `${badge} · `}${name} · Understudy`;
  // On a phone its keyboard would hide the words.
  if (asks === "token" && !matchMedia("(pointer: coarse)").matches) element("token").focus();
}

/** Whoever waits is told how long: a page that only stands there looks broken. `due`: ms until the next try, or null. */
export function showNext(due, isTrying) {
  const text = due === null ? "Trying now" : `Next try in ${Math.max(Math.ceil(due / 1000), 1)} s`;
  element("next").textContent = text;
  element("next").hidden = due === null && !isTrying;
}

/** `trouble`: pairs of what and how for who looks after it. */
export function showFigures(figures, trouble) {
  const text = figures ? line(figures) : "";
  element("line").textContent = text || "Details";
  if (element("details").hidden) return;
  const rows = [...(figures ? list(figures) : []), ...trouble];
  element("rows").replaceChildren(...rows.flatMap(([what, how]) => [item("dt", what), item("dd", how)]));
}

function item(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
