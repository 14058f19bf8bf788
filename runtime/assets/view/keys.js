// Which key of Windows (`VK_*`) a key of this keyboard is, or which text it writes. Pure: a KeyboardEvent in, a value out.
//
// Whatever a person reads on the key arrives. A key that the session's keyboard writes in the same way is pressed and held as a
// key; every other character goes as text. Which that is depends on the session's layout: letters stand on every one of them.

import { MODIFIER } from "./wire.js";

/** Keys that write nothing, by `code`; those that stand twice are told apart. */
const BY_CODE = {
  ShiftLeft: 0xa0, ShiftRight: 0xa1, ControlLeft: 0xa2, ControlRight: 0xa3, AltLeft: 0xa4, AltRight: 0xa5,
  MetaLeft: 0x5b, MetaRight: 0x5c, OSLeft: 0x5b, OSRight: 0x5c, NumpadEnter: 0x0d,
  NumpadMultiply: 0x6a, NumpadAdd: 0x6b, NumpadSubtract: 0x6d, NumpadDecimal: 0x6e, NumpadDivide: 0x6f,
};

/** The rest, by `key`: a keyboard may be arranged as its owner likes. */
const BY_KEY = {
  Backspace: 0x08, Tab: 0x09, Clear: 0x0c, Enter: 0x0d, Pause: 0x13, Escape: 0x1b, " ": 0x20,
  PageUp: 0x21, PageDown: 0x22, End: 0x23, Home: 0x24, ArrowLeft: 0x25, ArrowUp: 0x26, ArrowRight: 0x27, ArrowDown: 0x28,
  PrintScreen: 0x2c, Insert: 0x2d, Delete: 0x2e, Help: 0x2f, ContextMenu: 0x5d, ScrollLock: 0x91,
  Shift: 0xa0, Control: 0xa2, Alt: 0xa4, Meta: 0x5b,
  BrowserBack: 0xa6, BrowserForward: 0xa7, BrowserRefresh: 0xa8, BrowserStop: 0xa9, BrowserSearch: 0xaa, BrowserFavorites: 0xab,
  BrowserHome: 0xac, AudioVolumeMute: 0xad, AudioVolumeDown: 0xae, AudioVolumeUp: 0xaf, MediaTrackNext: 0xb0,
  MediaTrackPrevious: 0xb1, MediaStop: 0xb2, MediaPlayPause: 0xb3, LaunchMail: 0xb4, LaunchMediaPlayer: 0xb5,
  KanaMode: 0x15, Convert: 0x1c, NonConvert: 0x1d,
};

/** What a US keyboard writes beside letters and digits: without Shift, and with it. */
const US = {
  Digit1: [0x31, "1", "!"], Digit2: [0x32, "2", "@"], Digit3: [0x33, "3", "#"], Digit4: [0x34, "4", "$"], Digit5: [0x35, "5", "%"],
  Digit6: [0x36, "6", "^"], Digit7: [0x37, "7", "&"], Digit8: [0x38, "8", "*"], Digit9: [0x39, "9", "("], Digit0: [0x30, "0", ")"],
  Semicolon: [0xba, ";", ":"], Equal: [0xbb, "=", "+"], Comma: [0xbc, ",", "<"], Minus: [0xbd, "-", "_"], Period: [0xbe, ".", ">"],
  Slash: [0xbf, "/", "?"], Backquote: [0xc0, "`", "~"], BracketLeft: [0xdb, "[", "{"], Backslash: [0xdc, "\\", "|"],
  BracketRight: [0xdd, "]", "}"], Quote: [0xde, "'", "\""],
};

// The page's own: the session has none that it could agree with.
const LOCKS = ["CapsLock", "NumLock", "Fn", "FnLock", "Hyper", "Super", "Symbol", "SymbolLock"];

/** What the browser would make of the next key, or an input method of these. */
const COMPOSES = ["Dead", "Process", "Unidentified", "Compose"];

export function modifiersOf({ shiftKey, ctrlKey, altKey, metaKey }) {
  const held = [[shiftKey, MODIFIER.shift], [ctrlKey, MODIFIER.control], [altKey, MODIFIER.alt], [metaKey, MODIFIER.meta]];
  return held.reduce((sum, [is, bit]) => sum + (is ? bit : 0), 0);
}

/** `{key}` (a virtual key), `{text}`, or null: it is the browser's to make text of, or nobody's. */
export function meaning(event, layout = "us") {
  const { key, code } = event;
  if (event.isComposing || event.keyCode === 229 || COMPOSES.includes(key) || LOCKS.includes(key)) return null;
  if (key === "AltGraph") return null;
  if ([...key].length === 1 && key !== " ") return character(event, layout);
  // Without Num Lock a key of the keypad is what it does.
  const found = (code.startsWith("Numpad") ? BY_KEY[key] : undefined) ?? BY_CODE[code] ?? BY_KEY[key] ?? functionKey(key);
  return found ? { key: found } : null;
}

function functionKey(key) {
  const [, number] = key.match(/^F([1-9]|1\d|2[0-4])$/) ?? [];
  return number && 0x6f + Number(number);
}

function character(event, layout) {
  if (event.code.startsWith("Numpad")) return numpad(event);
  if (writesText(event)) return { text: event.key };
  const isShortcut = event.ctrlKey || event.altKey || event.metaKey;
  const found = letter(event, isShortcut) ?? digit(event, layout) ?? mark(event, layout, isShortcut);
  return found ? { key: found } : { text: event.key };
}

/** AltGr, and Option of a Mac, write characters: what they are held for is none of the session's. */
function writesText(event) {
  if (event.getModifierState?.("AltGraph")) return true;
  const isOption = event.altKey && !event.ctrlKey && !event.metaKey;
  return isOption && /^(Key|Digit)/.test(event.code) && !/^[a-z0-9]$/i.test(event.key);
}

/** With a Shift that agrees: else Caps Lock wrote it. Of a shortcut the letter counts, and on other scripts its place. */
function letter({ key, code, shiftKey }, isShortcut) {
  if (/^[a-z]$/i.test(key) && (isShortcut || shiftKey === (key !== key.toLowerCase()))) return key.toUpperCase().charCodeAt(0);
  return isShortcut && /^Key[A-Z]$/.test(code) ? code.charCodeAt(3) : undefined;
}

/** On a French keyboard they stand above the others. */
function digit({ key, shiftKey }, layout) {
  return /^\d$/.test(key) && !shiftKey && layout !== "fr" ? key.charCodeAt(0) : undefined;
}

function mark({ key, code, shiftKey }, layout, isShortcut) {
  if (layout !== "us") return undefined;
  const held = US[code];
  if (held && (isShortcut || held[shiftKey ? 2 : 1] === key)) return held[0];
  const other = Object.values(US).find((marks) => marks[shiftKey ? 2 : 1] === key);
  return other?.[0];
}

/** As Num Lock has it here. */
function numpad({ code, key }) {
  if (/^\d$/.test(key)) return { key: 0x60 + Number(key) };
  return BY_CODE[code] && key !== "," ? { key: BY_CODE[code] } : { text: key };
}

/** The keys that a browser, or what it runs on, keeps for itself: what a button says, and the virtual keys it presses in order. */
export const KEPT = [
  ["Esc", "Escape", [0x1b]], ["Tab", "Tab", [0x09]], ["Super", "Super", [0x5b]], ["Alt+Tab", "Alt and Tab", [0xa4, 0x09]],
  ["Ctrl+W", "Control and W", [0xa2, 0x57]], ["Ctrl+T", "Control and T", [0xa2, 0x54]], ["Ctrl+N", "Control and N", [0xa2, 0x4e]],
  ["Alt+F4", "Alt and F4", [0xa4, 0x73]], ["F11", "F11", [0x7a]], ["PrtSc", "Print Screen", [0x2c]],
  ["Ctrl+Alt+Del", "Control, Alt and Delete", [0xa2, 0xa4, 0x2e]], ["Enter", "Enter", [0x0d]],
  ["←", "Arrow left", [0x25]], ["↑", "Arrow up", [0x26]], ["↓", "Arrow down", [0x28]], ["→", "Arrow right", [0x27]],
];

/** Those that stay down until they are pressed again, for whoever has no keyboard. */
export const STICKY = [["Ctrl", "Control", 0xa2], ["Alt", "Alt", 0xa4], ["Shift", "Shift", 0xa0]];
