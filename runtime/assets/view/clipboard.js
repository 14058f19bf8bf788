// What is copied here can be pasted there, and the other way round, as far as the browser lets a page: what it does not do by
// itself a person does in a field of text.

import { element } from "./page.js";

// Of one message (docs/reference/desk-channel.md), with room for how JSON writes what it holds: at most six bytes for one.
const PART_LENGTH = 10_000;
// In characters, none of which is less than a byte.
export const LONGEST = 256 * 1024;
const JOIN_MS = 5_000;

let number = 0;

/** As messages. A pair of surrogates stays together. */
export function cut(text) {
  if (text.length <= PART_LENGTH) return [{ Clipboard: { text } }];
  const parts = [];
  for (let at = 0; at < text.length;) {
    const isWithinPair = /[\ud800-\udbff]/.test(text[at + PART_LENGTH - 1] ?? "");
    const end = at + PART_LENGTH - Number(isWithinPair);
    parts.push(text.slice(at, end));
    at = end;
  }
  number += 1;
  return parts.map((text, part) => ({ Clipboard: { text, id: number, part, of: parts.length } }));
}

/** What comes in parts, one text at a time. */
export class Joined {
  #id = null;
  #parts = [];
  #since = 0;

  /** The text, or null as long as a part is missing. */
  take({ text, id, part = 0, of = 1 }, now) {
    if (of === 1) return text;
    if (id !== this.#id || now - this.#since > JOIN_MS) [this.#id, this.#parts, this.#since] = [id, [], now];
    if (part >= 0 && part < of) this.#parts[part] = text;
    const length = this.#parts.reduce((sum, one) => sum + one.length, 0);
    if (length > LONGEST) this.#parts = [];
    if (this.#parts.filter((one) => one !== undefined).length < of) return null;
    const whole = this.#parts.join("");
    [this.#id, this.#parts] = [null, []];
    return whole;
  }
}

export class Clipboard {
  #say;
  #told;
  #joined = new Joined();
  #last = null;

  /** `say` sends a message, `told` says something to who is there. */
  constructor(say, told) {
    this.#say = say;
    this.#told = told;
    element("clip-send").addEventListener("click", () => this.#typed());
    element("clip-copy").addEventListener("click", () => this.#copy());
    window.addEventListener("focus", () => this.#look());
  }

  /** Something was copied there. */
  heard(part) {
    const text = this.#joined.take(part, performance.now());
    if (text === null) return;
    this.#last = text;
    element("clip-text").value = text;
    // Refused where the page is not secure, or not in front; the field has it for all that.
    navigator.clipboard?.writeText(text).catch(() => {});
  }

  /** Something was copied here. */
  send(text) {
    if (!text || text === this.#last) return;
    if (new Blob([text]).size > LONGEST) return this.#told("That is too long for the session's clipboard");
    this.#last = text;
    element("clip-text").value = text;
    for (const message of cut(text)) this.#say(message);
  }

  #typed() {
    const text = element("clip-text").value;
    this.#last = null;
    this.send(text);
    if (text) this.#told("It is in the session's clipboard");
  }

  async #copy() {
    const field = element("clip-text");
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      field.select();
      if (!document.execCommand("copy")) return this.#told("This browser does not let the page copy. Copy the text by hand");
    }
    this.#told("Copied to this device");
  }

  /** Where reading is allowed already; nobody is asked for it while doing something else. */
  async #look() {
    const state = await navigator.permissions?.query({ name: "clipboard-read" }).then((found) => found.state, () => "");
    if (state !== "granted") return;
    const text = await navigator.clipboard.readText().catch(() => "");
    if (text.length <= LONGEST) this.send(text);
  }
}
