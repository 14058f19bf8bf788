// The keyboard of who steers: a field that nobody sees has the focus, and what is typed into it goes to the session.
//
// Keys that have a meaning of their own are pressed there; what a browser, an input method or a phone's keyboard makes text of
// comes as text. Nothing stays down: neither when the page is left, nor when a key's coming up was told to nobody.

import { KEPT, STICKY, meaning, modifiersOf } from "./keys.js";
import { MODIFIER, key as keyMessage, texts } from "./wire.js";

// A phone's keyboard deletes only where something stands.
const FILLER = "\u200b\u200b";
const DELETES = { deleteContentBackward: 0x08, deleteWordBackward: 0x08, deleteContentForward: 0x2e };
const [BACKSPACE, ENTER, CONTROL, V] = [0x08, 0x0d, 0xa2, 0x56];
const ALPHABETIC = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{M}\p{N}\p{P}\s]*$/u;
// What Command is for on a Mac, Control is for in the session.
const MAC = /^Mac|^iP/.test(navigator.platform) ? { 0x5b: 0xa2, 0x5c: 0xa3 } : {};
const BIT_OF = {
  0xa0: MODIFIER.shift, 0xa1: MODIFIER.shift, 0xa2: MODIFIER.control, 0xa3: MODIFIER.control, 0xa4: MODIFIER.alt,
  0xa5: MODIFIER.alt, 0x5b: MODIFIER.meta, 0x5c: MODIFIER.meta,
};

/** What makes one text of another at its end: so many characters less, and these. */
export function correction(before, after) {
  const [old, now] = [[...before], [...after]];
  let same = 0;
  while (same < old.length && old[same] === now[same]) same += 1;
  return { erased: old.length - same, written: now.slice(same).join("") };
}

function isPaste(event) {
  const held = modifiersOf(event);
  return event.key.toLowerCase() === "v" && held === (MAC[0x5b] ? MODIFIER.meta : MODIFIER.control);
}

export class Keyboard {
  #sink;
  #send;
  #on;
  #held = new Map(); // what is down, by the key's place here: its virtual key
  #sticky = new Set();
  #layout = "us";
  #composing = ""; // what was told of the word that a phone's keyboard is at

  /** `send` takes a message; `on` has `left` (somebody asks for the page's own buttons), `pasted(text)`, which tells whether it has arrived, and `stuck(keys)`. */
  constructor(sink, send, on) {
    this.#sink = sink;
    this.#send = send;
    this.#on = on;
    sink.addEventListener("keydown", (event) => this.#down(event));
    sink.addEventListener("keyup", (event) => this.#up(event));
    sink.addEventListener("beforeinput", (event) => this.#written(event));
    sink.addEventListener("input", ({ isComposing }) => isComposing || this.#fill());
    sink.addEventListener("compositionend", ({ data }) => this.#composed(data));
    sink.addEventListener("paste", (event) => this.#pasted(event));
    sink.addEventListener("blur", () => this.release());
    window.addEventListener("blur", () => this.release());
    this.#fill();
  }

  set layout(layout) {
    this.#layout = layout;
  }

  /** What is down, said again: a server that hears nothing for a while lets go of it. */
  again() {
    for (const key of this.#held.values()) this.#press(true, key);
    for (const key of this.#sticky) this.#press(true, key);
  }

  /** Everything comes up. */
  release() {
    for (const key of [...this.#held.values(), ...this.#sticky]) this.#press(false, key);
    this.#held.clear();
    this.#sticky.clear();
    this.#on.stuck(this.#sticky);
  }

  /** One after the other down, and up in reverse. */
  strike(keys) {
    for (const key of keys) this.#press(true, key);
    for (const key of [...keys].reverse()) this.#press(false, key);
    this.#unstick();
  }

  /** Down until it is pressed again, or another key was. */
  stick(key) {
    const isDown = !this.#sticky.has(key);
    this.#sticky[isDown ? "add" : "delete"](key);
    this.#press(isDown, key);
    this.#on.stuck(this.#sticky);
  }

  #unstick() {
    for (const key of this.#sticky) this.#press(false, key);
    if (this.#sticky.size === 0) return;
    this.#sticky.clear();
    this.#on.stuck(this.#sticky);
  }

  #press(isDown, key) {
    // A modifier does not modify itself.
    const held = [...this.#held.values(), ...this.#sticky].filter((one) => one !== key);
    this.#send(keyMessage(isDown, key, held.reduce((bits, one) => bits | (BIT_OF[one] ?? 0), 0)));
  }

  #down(event) {
    if (event.ctrlKey && event.altKey && event.shiftKey && BIT_OF[meaning(event)?.key]) return this.#leave(event);
    // Its `paste` has the text that is to be there first.
    if (isPaste(event)) return;
    const meant = meaning(event, this.#layout);
    if (meant === null) return;
    event.preventDefault();
    if (meant.text) return this.#text(meant.text);
    // What is down repeats itself there.
    if (event.repeat && this.#held.has(event.code)) return;
    const key = MAC[meant.key] ?? meant.key;
    this.#held.set(event.code, key);
    this.#press(true, key);
    if (!BIT_OF[key]) this.#unstick();
  }

  #up(event) {
    const key = this.#held.get(event.code);
    if (key === undefined) return;
    event.preventDefault();
    this.#held.delete(event.code);
    this.#press(false, key);
    // A Mac tells nobody of keys that come up while Command is held.
    if (event.key === "Meta") this.#releaseBut((held) => BIT_OF[held]);
  }

  #releaseBut(stays) {
    for (const [code, key] of this.#held) {
      if (stays(key)) continue;
      this.#held.delete(code);
      this.#press(false, key);
    }
  }

  #leave(event) {
    event.preventDefault();
    this.release();
    this.#on.left();
  }

  #text(text) {
    // With a modifier held by its button it is a shortcut, which a phone's keyboard knows nothing of.
    if (this.#sticky.size && /^[a-z0-9]$/i.test(text)) return this.strike([text.toUpperCase().charCodeAt(0)]);
    for (const message of texts(text)) this.#send(message);
    this.#unstick();
  }

  /** What is to be written is told instead. */
  #written(event) {
    if (event.isComposing || event.inputType === "insertCompositionText") return this.#composes(event.data ?? "");
    event.preventDefault();
    const deleted = DELETES[event.inputType];
    if (deleted) this.strike([deleted]);
    else if (event.inputType === "insertLineBreak" || event.inputType === "insertParagraph") this.strike([ENTER]);
    else if (event.inputType !== "insertFromPaste" && event.data) this.#text(event.data);
  }

  /** Phones compose each word, whose letters are to be seen as they are typed; others compose what is nothing before its end. */
  #composes(text) {
    if (ALPHABETIC.test(text) && matchMedia("(pointer: coarse)").matches) this.#correct(text);
  }

  #composed(text) {
    this.#correct(text ?? "");
    this.#composing = "";
    this.#fill();
  }

  #correct(text) {
    const { erased, written } = correction(this.#composing, text);
    this.#composing = text;
    for (let left = erased; left > 0; left -= 1) this.strike([BACKSPACE]);
    if (written) this.#text(written);
  }

  /** The text goes another way than keys: it is pasted once it is there, and not at all if it does not get there. */
  async #pasted(event) {
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain");
    if (text && !(await this.#on.pasted(text))) return;
    this.strike([...(this.#holds(MODIFIER.control) ? [] : [CONTROL]), V]);
  }

  #holds(modifier) {
    return [...this.#held.values()].some((key) => BIT_OF[key] === modifier);
  }

  #fill() {
    this.#sink.value = FILLER;
    this.#sink.setSelectionRange(1, 1);
  }
}

/** A press on it does not take the focus, or a phone's keyboard would go. */
export function keepsFocus(button) {
  button.addEventListener("mousedown", (event) => event.preventDefault());
}

/** Buttons for the keys that a browser keeps, and for modifiers that stay down. */
export function offerKept(place, keyboard, focus) {
  const button = (text, label, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    made.setAttribute("aria-label", label);
    // Who steers by keyboard goes on doing so.
    made.addEventListener("click", () => { act(); focus(); });
    keepsFocus(made);
    place.append(made);
    return made;
  };
  for (const [text, label, key] of STICKY) {
    const made = button(text, `Hold ${label}`, () => keyboard.stick(key));
    made.dataset.key = key;
    made.ariaPressed = "false";
  }
  for (const [text, label, keys] of KEPT) button(text, label, () => keyboard.strike(keys));
}
