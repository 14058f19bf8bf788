// What is copied here can be pasted there, and the other way round, as far as the browser lets a page: what it does not do by
// itself a person does in a field of text.

import { element } from "./page.js";

/** In bytes of UTF-8, as the session has it. */
export const LONGEST = 256 * 1024;
// Shorter texts are one message of JSON, which writes a byte as six at worst. Others come in parts, below the 64 KiB that every
// browser takes: `id: u32, part: u16, of: u16`, and their bytes.
const SHORT_BYTES = 10_000;
const PART_BYTES = 60_000;
const HEADER_BYTES = 8;
const JOIN_MS = 10_000;
// The longest text on a slow way.
const ARRIVES_MS = 10_000;

let number = 0;

/** As messages: objects for JSON, or buffers. */
export function cut(text) {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= SHORT_BYTES) return [{ Clipboard: { text } }];
  number += 1;
  const of = Math.ceil(bytes.length / PART_BYTES);
  return Array.from({ length: of }, (_, part) => {
    const piece = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    const message = new Uint8Array(HEADER_BYTES + piece.length);
    const header = new DataView(message.buffer);
    header.setUint32(0, number);
    header.setUint16(4, part);
    header.setUint16(6, of);
    message.set(piece, HEADER_BYTES);
    return message.buffer;
  });
}

/** What comes in parts, in their order, one text at a time. */
export class Joined {
  #coming = null; // {id, of, since, bytes}

  /** The text with its last part, or null; whatever does not fit gives up what is on its way. */
  take(buffer, now) {
    const header = new DataView(buffer);
    const [id, part, of] = [header.getUint32(0), header.getUint16(4), header.getUint16(6)];
    const coming = part === 0 ? { id, of, next: 0, since: now, bytes: [] } : this.#coming;
    this.#coming = null;
    const fits = coming && coming.id === id && coming.of === of && coming.next === part && now - coming.since <= JOIN_MS;
    if (!fits || part >= of || (part + 1) * PART_BYTES > LONGEST + PART_BYTES) return null;
    coming.bytes.push(new Uint8Array(buffer, HEADER_BYTES));
    coming.next += 1;
    if (coming.next === of) return new TextDecoder().decode(new Uint8Array(coming.bytes.flatMap((bytes) => [...bytes])));
    this.#coming = coming;
    return null;
  }
}

export class Clipboard {
  #say;
  #told;
  #joined = new Joined();
  #last = null;
  // Texts that went, and those of them that the session has.
  #sent = 0;
  #taken = 0;
  #waiting = [];

  /** `say` sends a message, `told` says something to who is there. */
  constructor(say, told) {
    this.#say = say;
    this.#told = told;
    element("clip-send").addEventListener("click", () => this.#typed());
    element("clip-copy").addEventListener("click", () => this.#copy());
    window.addEventListener("focus", () => this.#look());
  }

  /** A part of what was copied there. */
  joined(part) {
    const text = this.#joined.take(part, performance.now());
    if (text !== null) this.heard(text);
  }

  /** The session has one more of what was sent. */
  took() {
    this.#taken += 1;
    this.#waiting = this.#waiting.filter(({ number, arrived }) => number > this.#taken || arrived(true));
  }

  /** What was on its way is lost with the line. */
  lost() {
    this.#taken = this.#sent;
    for (const { arrived } of this.#waiting.splice(0)) arrived(false);
  }

  /** Sends what is to be pasted. Whether the session has it, or shares no clipboard, so that its own is pasted. */
  async bring(text) {
    if (!this.send(text)) return true;
    const number = this.#sent;
    const arrives = new Promise((arrived) => {
      this.#waiting.push({ number, arrived });
      setTimeout(() => arrived(false), ARRIVES_MS);
    });
    const has = await arrives;
    if (!has) this.#told("The session did not get what was to be pasted. Try again");
    return has;
  }

  /** Something was copied there. */
  heard(text) {
    this.#last = text;
    element("clip-text").value = text;
    // Refused where the page is not secure, or not in front; the field has it for all that.
    navigator.clipboard?.writeText(text).catch(() => {});
  }

  /** Something was copied here. Whether it is on its way. */
  send(text) {
    if (!text) return false;
    if (new Blob([text]).size > LONGEST) {
      this.#told("That is too long for the session's clipboard");
      return false;
    }
    if (!cut(text).every((message) => this.#say(message))) return false;
    this.#sent += 1;
    this.#last = text;
    element("clip-text").value = text;
    return true;
  }

  #typed() {
    if (this.send(element("clip-text").value)) this.#told("It is in the session's clipboard");
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
    if (text !== this.#last && new Blob([text]).size <= LONGEST) this.send(text);
  }
}
