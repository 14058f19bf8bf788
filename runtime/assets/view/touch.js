// Fingers on the picture. A session that feels fingers is told of each. Another one has a pointer for them: a tap clicks, a finger
// that stays turns into the right button, one that goes drags, two scroll.

import { BUTTON, TOUCH, button, finger, point, wheel } from "./wire.js";

// As phones have it.
const LONG_MS = 500;
// A finger that rests moves by so much, in pixels of this screen.
const STILL_PX = 8;
// A finger that goes so far turns the wheel by a notch.
const NOTCH_PX = 40;
const KIND = {
  pointerdown: TOUCH.down, pointermove: TOUCH.move, pointerup: TOUCH.up, pointercancel: TOUCH.up, lostpointercapture: TOUCH.up,
};

export class Touch {
  /** Whether the session feels fingers. */
  isFelt = false;
  #send;
  #fingers = new Map();
  #gesture = null; // "tap" (not decided yet), "drag", "scroll", "done"
  #long = 0;
  #rest = [0, 0];

  /** `send` takes a channel's label and a message. */
  constructor(send) {
    this.#send = send;
  }

  /** A pointer event of a finger, and its place on the picture. */
  on(event, place) {
    const kind = KIND[event.type];
    if (kind !== TOUCH.down && !this.#fingers.has(event.pointerId)) return;
    const before = this.#fingers.get(event.pointerId);
    const now = { x: event.clientX, y: event.clientY, place, from: before?.from ?? { x: event.clientX, y: event.clientY } };
    if (kind === TOUCH.up) this.#fingers.delete(event.pointerId);
    else this.#fingers.set(event.pointerId, now);
    if (this.isFelt) this.#felt(kind, event, place);
    else if (kind === TOUCH.down) this.#down(now);
    else if (kind === TOUCH.move) this.#move(now, before);
    else this.#up(now);
  }

  again() {
    if (this.#gesture === "drag") this.#press(true, BUTTON.left);
  }

  release() {
    for (const [id, { place }] of this.#fingers) if (this.isFelt) this.#send("touch", finger(TOUCH.up, id, place));
    this.#end();
    this.#fingers.clear();
  }

  #felt(kind, event, place) {
    const { pressure, width, height, twist } = event;
    const [major, minor] = [Math.max(width, height), Math.min(width, height)].map((size) => size / innerWidth);
    this.#send("touch", finger(kind, event.pointerId >>> 0, place, { pressure, major, minor, turn: twist }));
  }

  #down(now) {
    if (this.#fingers.size === 1) {
      this.#gesture = "tap";
      this.#long = setTimeout(() => this.#stayed(now.place), LONG_MS);
    } else {
      this.#end();
      this.#gesture = "scroll";
      this.#rest = [0, 0];
      this.#send("mouse", point(now.place));
    }
  }

  #move(now, before) {
    const far = Math.hypot(now.x - now.from.x, now.y - now.from.y);
    if (this.#gesture === "tap" && far > STILL_PX) {
      clearTimeout(this.#long);
      this.#gesture = "drag";
      this.#send("mouse", point(before.place));
      this.#press(true, BUTTON.left);
    }
    if (this.#gesture === "drag") this.#send("mouse", point(now.place), true);
    // Each of them brings its share of the way.
    if (this.#gesture === "scroll") this.#scroll([before.x - now.x, before.y - now.y].map((way) => way / this.#fingers.size));
  }

  #up(now) {
    if (this.#gesture === "tap") {
      this.#send("mouse", point(now.place));
      this.#press(true, BUTTON.left);
      this.#press(false, BUTTON.left);
    }
    if (this.#gesture !== "scroll" || this.#fingers.size === 0) this.#end();
  }

  #scroll(way) {
    const turn = way.map((by, axis) => (by * 120) / NOTCH_PX + this.#rest[axis]);
    const whole = turn.map(Math.trunc);
    this.#rest = turn.map((by, axis) => by - whole[axis]);
    if (whole.some(Boolean)) this.#send("mouse", wheel(...whole));
  }

  #stayed(place) {
    this.#gesture = "done";
    this.#send("mouse", point(place));
    this.#press(true, BUTTON.right);
    this.#press(false, BUTTON.right);
  }

  #end() {
    clearTimeout(this.#long);
    if (this.#gesture === "drag") this.#press(false, BUTTON.left);
    this.#gesture = null;
  }

  #press(isDown, which) {
    this.#send("mouse", button(isDown, which));
  }
}
