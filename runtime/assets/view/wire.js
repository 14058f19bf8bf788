// What a key, a pointer or a finger does, as bytes for a data channel (big-endian; docs/reference/desk-channel.md has the channel
// beside them). Pure: values in, buffers out.

const encoder = new TextEncoder();

// One byte says how long a text is.
const TEXT_BYTES = 255;
/** What positions are counted in. Finer than any picture, and it fits i16. */
export const REFERENCE = 32_767;

const KEYBOARD = { key: 0, text: 1 };
const MOUSE = { relative: 0, absolute: 1, button: 2, fineWheel: 3 };
export const TOUCH = { down: 0, move: 1, up: 2 };
export const BUTTON = { left: 1, middle: 2, right: 3, back: 4, forward: 5 };
export const MODIFIER = { shift: 1, control: 2, alt: 4, meta: 8 };

/** `fields` are pairs of a `DataView` type and a value. */
function pack(...fields) {
  const size = { Uint8: 1, Int16: 2, Uint16: 2, Uint32: 4, Float32: 4 };
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [type]) => sum + size[type], 0)));
  let at = 0;
  for (const [type, value] of fields) {
    view[`set${type}`](at, value);
    at += size[type];
  }
  return view.buffer;
}

const short = (value) => Math.max(-32_768, Math.min(32_767, Math.round(value)));

/** A Windows virtual key goes down or comes up. */
export function key(isDown, virtualKey, modifiers) {
  return pack(["Uint8", KEYBOARD.key], ["Uint8", Number(isDown)], ["Uint8", modifiers], ["Uint16", virtualKey]);
}

/** Characters, whatever keyboard they came from: as many messages as it takes, none cut within a character. */
export function texts(text) {
  const messages = [];
  let bytes = [];
  const close = () => bytes.length && messages.push(new Uint8Array([KEYBOARD.text, bytes.length, ...bytes]).buffer);
  for (const character of typed(text)) {
    const more = encoder.encode(character);
    if (bytes.length + more.length > TEXT_BYTES) {
      close();
      bytes = [];
    }
    bytes.push(...more);
  }
  close();
  return messages;
}

/** Half a surrogate pair and control characters are none that anybody can type. */
function typed(text) {
  return text.replace(/\r\n?/g, "\n").replace(/\p{Cs}/gu, "").replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, "");
}

/** By as many pixels of the picture. */
export function move(dx, dy) {
  return pack(["Uint8", MOUSE.relative], ["Int16", short(dx)], ["Int16", short(dy)]);
}

/** To a place of the picture, 0 to 1 from its left and from its top. */
export function point({ x, y }) {
  const place = [["Int16", short(x * REFERENCE)], ["Int16", short(y * REFERENCE)]];
  return pack(["Uint8", MOUSE.absolute], ...place, ["Int16", REFERENCE], ["Int16", REFERENCE]);
}

export function button(isDown, which) {
  return pack(["Uint8", MOUSE.button], ["Uint8", Number(isDown)], ["Uint8", which]);
}

/** In 1/120 of a notch; positive is to the right and down. */
export function wheel(dx, dy) {
  return pack(["Uint8", MOUSE.fineWheel], ["Int16", short(dx)], ["Int16", short(dy)]);
}

/** All but `turn`, in degrees, are shares. */
export function finger(kind, id, { x, y }, { pressure = 0, major = 0, minor = 0, turn = 0 } = {}) {
  const shares = [x, y, pressure, major, minor].map((share) => ["Float32", share]);
  return pack(["Uint8", kind], ["Uint32", id], ...shares, ["Uint16", turn]);
}
