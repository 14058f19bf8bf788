// When something is tried again: with a back-off, when a server says, or at once because something has changed.

const FIRST_MS = 500;
const LONGEST_MS = 10_000;
// What a server asks for is kept to, but not for ever: a mistake in it must not end the page.
const LONGEST_WAIT_MS = 120_000;

export class Patience {
  #act;
  #timer = 0;
  #at = null;
  #delay = FIRST_MS;

  /** `act` is what is done again. */
  constructor(act) {
    this.#act = act;
  }

  /** `again` as a verdict has it. */
  plan(again) {
    if (again === "never") return;
    const after = again === "soon" ? this.#backOff() : wait(again);
    this.#at = performance.now() + after;
    this.#timer = setTimeout(this.#act, after);
  }

  /** Spread, or all who lost the same server would come at once. */
  #backOff() {
    const after = this.#delay * (0.75 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, LONGEST_MS);
    return after;
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#at = null;
  }

  /** It went well, or somebody wants it from the beginning. */
  reset() {
    this.#delay = FIRST_MS;
  }

  /** What is planned is done now. */
  hurry() {
    if (this.#at === null) return;
    this.reset();
    this.#act();
  }

  /** How long until then in ms, or null if nothing is planned. */
  get due() {
    return this.#at === null ? null : this.#at - performance.now();
  }
}

/** Never sooner than a server says, and not all of its viewers at once. */
function wait(milliseconds) {
  return Math.min(milliseconds, LONGEST_WAIT_MS) * (1 + Math.random() / 4);
}
