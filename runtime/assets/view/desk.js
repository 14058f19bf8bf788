// A place to work: puts the line to the session, the keyboard, the hands, the people and the clipboard together, and shows what
// there is of it. Who may only look on sees nothing of it.

import { Clipboard } from "./clipboard.js";
import { Hands } from "./hands.js";
import { Keyboard, keepsFocus, offerKept } from "./keyboard.js";
import { Line } from "./line.js";
import { element } from "./page.js";
import * as panels from "./panels.js";
import * as people from "./people.js";
import { NOBODY, heard, nameOf, steers, words } from "./seats.js";
import { Touch } from "./touch.js";

const NAME = "understudy.name";
const TOAST_MS = 5_000;
// Times a sign of life; a round trip is read by people.
const MEASURE_EACH = 4;

const sink = element("sink");
const video = element("video");
const isTouched = matchMedia("(pointer: coarse)").matches;

/** The buttons of the modifiers that are held. */
function stuck(held) {
  for (const button of document.querySelectorAll("#keys [data-key]")) button.ariaPressed = String(held.has(Number(button.dataset.key)));
}

export class Desk {
  #line;
  #known = NOBODY;
  #keyboard;
  #hands;
  #touch;
  #clipboard;
  #wasOpen = false;
  #said = "";
  #toast = 0;
  #beats = 0;
  // It had the keyboard when it could not steer any more.
  #typed = false;
  #roundTrip = null;

  constructor(base) {
    this.#line = new Line(base, {
      state: () => this.#changed(), told: (message) => this.#told(message),
      // That channel may be open later than the others.
      greeted: () => this.#named(element("person").value.trim()), complete: (said) => this.#complete(said), life: () => this.#beat(),
    });
    const keys = (message) => this.#steers && this.#line.send("keyboard", message);
    const left = () => element("seat").focus();
    this.#keyboard = new Keyboard(sink, keys, { left, pasted: (text) => this.#clipboard.bring(text), stuck });
    const fingers = (label, message, isReplaced) => this.#line.send(label, message, isReplaced);
    this.#touch = new Touch(fingers);
    const pointer = (message, isReplaced) => this.#line.send("mouse", message, isReplaced);
    this.#hands = new Hands(element("surface"), video, pointer, (event, place) => this.#touch.on(event, place));
    const copied = (message) => this.#known.clipboard && this.#steers && this.#line.say(message);
    this.#clipboard = new Clipboard(copied, (text) => this.toast(text));
    offerKept(element("kept"), this.#keyboard, () => isTouched || sink.focus({ preventScroll: true }));
    this.#listen();
  }

  /** The picture of a display is shown, which that streamer shows as well; it is so large. */
  attend(streamer, picture) {
    this.#line.open(streamer, picture);
  }

  leave() {
    this.#line.close();
    this.#wasOpen = false;
    this.#changed();
  }

  /** For who looks after it. */
  rows() {
    if (this.#line.state === "closed") return [];
    const { short, long } = words(this.#known, this.#line.state, this.#line.why);
    const roundTrip = this.#roundTrip === null ? "" : `, ${Math.round(this.#roundTrip * 1000)} ms to the session and back`;
    return [["Steering", this.#line.state === "open" ? `${short}${roundTrip}` : long]];
  }

  toast(text) {
    element("toast").textContent = text;
    clearTimeout(this.#toast);
    this.#toast = setTimeout(() => { element("toast").textContent = ""; }, TOAST_MS);
  }

  get #steers() {
    return this.#line.state === "open" && steers(this.#known);
  }

  #listen() {
    const press = { type: () => this.#type(), lock: () => this.#hands.lock()?.catch?.(() => {}), "not-now": () => this.#notNow() };
    for (const [id, act] of Object.entries(press)) element(id).addEventListener("click", act);
    for (const button of document.querySelectorAll("#type, #desk [aria-controls=keys]")) keepsFocus(button);
    element("type").hidden = !isTouched;
    element("lock").hidden = isTouched || !element("surface").requestPointerLock;
    element("surface").addEventListener("pointerdown", (event) => this.#met(event));
    keepsFocus(element("surface"));
    element("person").value = localStorage.getItem(NAME) ?? "";
    element("person").addEventListener("change", ({ target }) => this.#named(target.value.trim()));
    sink.addEventListener("focus", () => { document.body.dataset.types = ""; });
    sink.addEventListener("blur", () => this.#stopTyping());
    document.addEventListener("fullscreenchange", () => this.#grab());
    document.addEventListener("pointerlockchange", () => this.#hands.isLocked && this.toast("Press Esc to have your pointer back"));
    new ResizeObserver(() => people.moveAll(this.#rectangle)).observe(video);
    video.addEventListener("resize", () => people.moveAll(this.#rectangle));
    window.visualViewport?.addEventListener("resize", () => this.#fit());
  }

  /** A panel's place is that of the stage. */
  get #rectangle() {
    const { left, top } = element("stage").getBoundingClientRect();
    const picture = this.#hands.rectangle;
    return { ...picture, left: picture.left - left, top: picture.top - top };
  }

  /** Whoever presses on the picture wants to be there, with the keyboard too. */
  #met(event) {
    if (this.#steers) {
      if (event.pointerType !== "touch") sink.focus({ preventScroll: true });
    } else if (this.#wasOpen) {
      this.toast(words(this.#known, this.#line.state, this.#line.why).long);
    }
  }

  #told(message) {
    if (message === "Copied") return this.#clipboard.took();
    if (message.Cursor) return people.point(this.#known, message.Cursor, this.#rectangle);
    if (message.Clipboard) return this.#clipboard.heard(message.Clipboard.text);
    if (message.Part) return this.#clipboard.joined(message.Part);
    if (message.Refused) return this.toast(message.Refused.reason);
    this.#known = heard(this.#known, message);
    this.#changed();
    if (!message.Asked || !element("people").hidden) return;
    this.toast(`${nameOf(this.#known, this.#known.asked)} asks to steer. Answer where it says so below`);
  }

  #complete({ capabilities }) {
    this.#touch.isFelt = Boolean(capabilities?.touch);
  }

  #changed() {
    const { state, why } = this.#line;
    if (state === "open" && !this.#wasOpen) this.#wasOpen = true;
    if (state === "refused" && this.#wasOpen && why === "ended") this.toast(words(this.#known, state, why).long);
    if (state === "refused") this.#wasOpen = false;
    if (state !== "open") this.#clipboard?.lost();
    // What is held there was let go of when the line was lost.
    if (state !== "open") [this.#known, this.#roundTrip] = [{ ...this.#known, people: [], host: null, asked: null }, null];
    element("desk").hidden = !this.#wasOpen;
    if (!this.#wasOpen) for (const panel of ["people", "keys", "clip"]) element(panel).hidden || panels.toggle(panel);
    Object.assign(document.body.dataset, { line: state, steers: this.#steers ? "yes" : "no" });
    this.#keyboard.layout = this.#known.layout;
    if (!this.#steers) [this.#keyboard, this.#touch].forEach((part) => part.release());
    this.#hands.isOn = this.#steers;
    // A field that is disabled has no focus, and does not get it back: what is typed on would be for the page.
    this.#typed ||= document.activeElement === sink && !this.#steers;
    sink.disabled = !this.#steers;
    if (this.#steers && this.#typed) {
      this.#typed = false;
      if (document.activeElement === document.body) sink.focus({ preventScroll: true });
    }
    element("clip-send").disabled = !this.#steers;
    element("clipping").hidden = !this.#known.clipboard;
    people.show(this.#known, state, why, (message) => this.#line.say(message));
    people.showAsked(this.#known, (message) => this.#line.say(message));
    this.#announce(words(this.#known, state, why));
  }

  /** Once, to who does not see it. */
  #announce({ short }) {
    if (!this.#wasOpen || short === this.#said) return;
    this.#said = short;
    element("desk-said").textContent = short;
    // What was said before may no longer be so.
    this.toast("");
  }

  #named(name) {
    localStorage.setItem(NAME, name);
    if (name) this.#line.say({ Name: name });
  }

  #notNow() {
    this.#known = { ...this.#known, asked: null };
    this.#changed();
  }

  #beat() {
    for (const part of [this.#keyboard, this.#hands, this.#touch]) part.again();
    this.#beats += 1;
    if (this.#beats % MEASURE_EACH === 0) this.#measure();
  }

  async #measure() {
    const report = [...((await this.#line.peer?.getStats()) ?? new Map()).values()];
    const pair = report.find((entry) => entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded");
    this.#roundTrip = pair?.currentRoundTripTime ?? null;
    const said = this.#roundTrip === null ? "" : `${Math.round(this.#roundTrip * 1000)} ms to the session and back.`;
    element("round-trip").textContent = said;
  }

  /** The keyboard of a phone comes, or goes. */
  #type() {
    const comes = !document.body.matches("[data-types]");
    sink.inputMode = comes ? "text" : "none";
    if (comes) sink.focus({ preventScroll: true });
    else sink.blur();
    element("type").ariaPressed = String(comes);
  }

  #stopTyping() {
    delete document.body.dataset.types;
    sink.inputMode = "none";
    element("type").ariaPressed = "false";
    this.#fit();
  }

  /** Above a keyboard that lies on the page. */
  #fit() {
    const isCovered = isTouched && document.body.matches("[data-types]");
    if (isCovered) element("stage").style.height = `${window.visualViewport.height}px`;
    else element("stage").style.removeProperty("height");
  }

  /** In full screen every key goes to the session, as far as the browser gives them. */
  async #grab() {
    if (!document.fullscreenElement) return navigator.keyboard?.unlock?.();
    if (!this.#steers) return;
    sink.focus({ preventScroll: true });
    const isGrabbed = await navigator.keyboard?.lock?.().then(() => true, () => false);
    const grabbed = "Every key goes to the session. Hold Esc to leave full screen";
    this.toast(isGrabbed ? grabbed : "Keys that this browser keeps are under Keys");
  }
}
