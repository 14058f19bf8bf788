// Shows who is here, who steers, and where the others point. What that is stands in seats.js.

import { element } from "./page.js";
import { nameOf, offers, takers, words } from "./seats.js";

// A pointer that rests so long covers the picture for nothing.
const RESTS_MS = 3_000;
// Told apart beside their names, on light and on dark.
const COLOURS = 6;

const TAGS = { View: "looks on", Control: "", Admin: "admin" };
const ASKS = { ask: "Ask to steer", release: "Stop steering", take: "Take over" };
const MESSAGES = { ask: "Request", release: "Release", take: "Take" };

const cursors = new Map(); // by id: {mark, place, rests}

/** The same for everybody who looks on. */
function colourOf(id) {
  return [...id].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 9973, 7) % COLOURS;
}

/** `say` sends a message. */
export function show(known, line, why, say) {
  const { short, long } = words(known, line, why);
  element("seat-text").textContent = short;
  element("seat-long").textContent = long;
  element("count").textContent = known.people.length > 1 ? String(known.people.length) : "";
  const isOpen = line === "open";
  const mayGive = takers(known);
  const rows = isOpen ? known.people.map((person) => row(known, person, mayGive.includes(person.id), say)) : [];
  replace(element("here"), rows);
  const acts = isOpen ? offers(known).map((offer) => press(ASKS[offer], () => say(MESSAGES[offer]))) : [];
  replace(element("acts"), acts);
  for (const id of cursors.keys()) if (!known.people.some((person) => person.id === id)) forget(id);
}

/** Who stands on a button in it goes on standing there. */
function replace(place, made) {
  const stood = place.contains(document.activeElement) ? document.activeElement : null;
  const what = stood?.getAttribute("aria-label") ?? stood?.textContent;
  const whose = stood?.closest("[data-id]")?.dataset.id;
  place.replaceChildren(...made);
  if (!stood) return;
  const same = (button) => (button.getAttribute("aria-label") ?? button.textContent) === what && button.closest("[data-id]")?.dataset.id === whose;
  ([...place.querySelectorAll("button")].find(same) ?? element("seat")).focus();
}

function row(known, { id, name, role, host }, mayTake, say) {
  const made = document.createElement("li");
  Object.assign(made.dataset, { colour: colourOf(id), id });
  const steers = host || id === known.host ? "steers" : "";
  const tags = [id === known.me ? "you" : "", TAGS[role] ?? "", steers].filter(Boolean).join(", ");
  made.append(text("i", ""), text("b", name || "Somebody"), text("span", tags));
  if (mayTake) made.append(press("Give", () => say({ Give: { to: id } }), `Give keyboard and pointer to ${name || "somebody"}`));
  return made;
}

function text(tag, content) {
  return Object.assign(document.createElement(tag), { textContent: content });
}

function press(content, act, label) {
  const made = Object.assign(text("button", content), { type: "button" });
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

/** Somebody asks for the seat of who sees this, until it is answered. */
export function showAsked(known, say) {
  const isAsked = known.asked !== null;
  element("asked").hidden = !isAsked;
  if (!isAsked) return;
  element("asked-text").textContent = `${nameOf(known, known.asked)} asks to steer`;
  element("give").onclick = () => say({ Give: { to: known.asked } });
}

/** `place` is 0 to 1 of the picture, which is at `rectangle`. */
export function point(known, { id, x, y }, rectangle) {
  if (id === known.me || !known.people.some((person) => person.id === id)) return;
  const cursor = cursors.get(id) ?? appear(id);
  clearTimeout(cursor.rests);
  cursor.place = { x, y };
  cursor.mark.lastElementChild.textContent = nameOf(known, id);
  cursor.mark.hidden = false;
  cursor.rests = setTimeout(() => { cursor.mark.hidden = true; }, RESTS_MS);
  put(cursor, rectangle);
}

/** The picture is elsewhere now. */
export function moveAll(rectangle) {
  for (const cursor of cursors.values()) put(cursor, rectangle);
}

function put({ mark, place }, { left, top, width, height }) {
  mark.style.transform = `translate(${left + place.x * width}px, ${top + place.y * height}px)`;
}

function appear(id) {
  const mark = document.createElement("div");
  mark.className = "cursor";
  mark.dataset.colour = colourOf(id);
  mark.append(text("i", ""), text("b", ""));
  element("cursors").append(mark);
  const cursor = { mark, place: { x: 0, y: 0 }, rests: 0 };
  cursors.set(id, cursor);
  return cursor;
}

function forget(id) {
  clearTimeout(cursors.get(id).rests);
  cursors.get(id).mark.remove();
  cursors.delete(id);
}
