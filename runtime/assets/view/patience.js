// When something is tried again: with a back-off, when a server says, or at once because something has changed.

const FIRST_MS = 500;
const LONGEST_MS = 10_000;
// What a server asks for is kept to, but not for ever: a mistake in it must not end the page.
const LONGEST_WAIT_MS = 120_000;

let act = () => {};
let timer = 0;
let at = null;
let delay = FIRST_MS;

/** `tried` is what is done again. */
export function listen(tried) {
  act = tried;
}

/** `again` as a verdict has it. */
export function plan(again) {
  if (again === "never") return;
  const after = again === "soon" ? backOff() : wait(again);
  at = performance.now() + after;
  timer = setTimeout(act, after);
}

/** Spread, or all who lost the same server would come at once. */
function backOff() {
  const after = delay * (0.75 + Math.random() / 2);
  delay = Math.min(delay * 2, LONGEST_MS);
  return after;
}

/** Never sooner than a server says, and not all of its viewers at once. */
function wait(milliseconds) {
  return Math.min(milliseconds, LONGEST_WAIT_MS) * (1 + Math.random() / 4);
}

export function cancel() {
  clearTimeout(timer);
  at = null;
}

/** It went well, or somebody wants it from the beginning. */
export function reset() {
  delay = FIRST_MS;
}

/** What is planned is done now. */
export function hurry() {
  if (at === null) return;
  reset();
  act();
}

/** How long until then in ms, or null if nothing is planned. */
export function due() {
  return at === null ? null : at - performance.now();
}
