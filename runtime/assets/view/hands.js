// The pointer, the wheel and the pen of who steers: what they do on the picture goes to the session. Fingers are in touch.js.
//
// Where the picture really is decides: a picture of another shape than its place has bars beside it.

import { BUTTON, button, move, point, wheel } from "./wire.js";

// What browsers without `wheelDelta` turn by for one notch, in pixels, lines and pages; a notch is 120.
const PER_TURN = [120 / 100, 120 / 3, 120];
/** What `buttons` of a pointer event says, bit by bit. */
const BUTTONS = [[1, BUTTON.left], [2, BUTTON.right], [4, BUTTON.middle], [8, BUTTON.back], [16, BUTTON.forward]];

/** Where a picture of that size is shown in a box that it keeps its shape in (`object-fit: contain`). */
export function shown({ left, top, width, height }, picture) {
  if (!(picture.width > 0 && picture.height > 0)) return { left, top, width, height };
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  return { left: left + (width - w) / 2, top: top + (height - h) / 2, width: w, height: h };
}

/** A place of the picture, 0 to 1; what is beside it counts as its edge. */
export function placeOn({ left, top, width, height }, { clientX, clientY }) {
  const share = (value) => Math.min(Math.max(value, 0), 1) || 0;
  return { x: share((clientX - left) / width), y: share((clientY - top) / height) };
}

export function isOn({ left, top, width, height }, { clientX, clientY }) {
  return clientX >= left && clientX <= left + width && clientY >= top && clientY <= top + height;
}

/** By how much a wheel turned, in 1/120 of a notch; positive is to the right and down. */
export function turned({ deltaX, deltaY, deltaMode, wheelDeltaX, wheelDeltaY }) {
  if (wheelDeltaX || wheelDeltaY) return [-wheelDeltaX, -wheelDeltaY];
  return [deltaX * PER_TURN[deltaMode], deltaY * PER_TURN[deltaMode]];
}

/** The buttons that have changed from one `buttons` to the next, as pairs of whether it is down and which. */
export function changed(before, now) {
  return BUTTONS.filter(([bit]) => (before ^ now) & bit).map(([bit, which]) => [Boolean(now & bit), which]);
}

export class Hands {
  #surface;
  #picture;
  #send;
  #touched;
  #buttons = 0;
  #rest = [0, 0];
  #isOn = false;

  /** `surface` is what hands are on, `picture` the video in it; `send` takes a message and whether a later one makes it idle. */
  constructor(surface, picture, send, touched) {
    this.#surface = surface;
    this.#picture = picture;
    this.#send = send;
    this.#touched = touched;
    for (const type of ["pointerdown", "pointermove", "pointerup"]) surface.addEventListener(type, (event) => this.#pointer(event));
    for (const type of ["pointercancel", "lostpointercapture"]) surface.addEventListener(type, (event) => this.#lost(event));
    surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    const own = (event) => this.#isOn && event.preventDefault();
    for (const type of ["contextmenu", "dragstart", "auxclick"]) surface.addEventListener(type, own);
    window.addEventListener("blur", () => this.release());
  }

  /** Whether what they do goes anywhere. */
  set isOn(isOn) {
    if (!isOn) this.release();
    this.#isOn = isOn;
  }

  get rectangle() {
    const { videoWidth: width, videoHeight: height } = this.#picture;
    return shown(this.#picture.getBoundingClientRect(), { width, height });
  }

  get isLocked() {
    return document.pointerLockElement === this.#surface;
  }

  /** The pointer stays in the picture, for what turns by how far it moves. */
  lock() {
    return this.#surface.requestPointerLock?.();
  }

  again() {
    for (const [isDown, which] of changed(0, this.#buttons)) this.#send(button(isDown, which));
  }

  release() {
    this.#press(0);
  }

  #pointer(event) {
    if (!this.#isOn) return;
    // What is beside the picture is nobody's edge of it.
    if (event.type === "pointerdown" && !this.isLocked && !isOn(this.rectangle, event)) return;
    if (event.pointerType === "touch") return this.#touched(event, placeOn(this.rectangle, event));
    // What a drag began on has it, wherever it goes. A pointer that is locked in cannot be captured, and need not.
    if (event.type === "pointerdown") {
      if (!this.isLocked) this.#surface.setPointerCapture(event.pointerId);
      event.preventDefault();
    }
    this.#move(event);
    if (event.buttons === 0 || this.#buttons || event.type === "pointerdown") this.#press(event.buttons);
  }

  #move(event) {
    if (!this.isLocked) {
      if (!this.#buttons && !isOn(this.rectangle, event)) return;
      this.#send(point(placeOn(this.rectangle, event)), event.type === "pointermove" && event.buttons === this.#buttons);
    } else if (event.movementX || event.movementY) {
      const scale = this.#picture.videoWidth / this.rectangle.width || 1;
      this.#send(move(event.movementX * scale, event.movementY * scale));
    }
  }

  #press(buttons) {
    for (const [isDown, which] of changed(this.#buttons, buttons)) this.#send(button(isDown, which));
    this.#buttons = buttons;
  }

  #lost(event) {
    if (event.pointerType === "touch") this.#touched(event, placeOn(this.rectangle, event));
    else this.release();
  }

  #wheel(event) {
    if (!this.#isOn) return;
    event.preventDefault();
    if (!isOn(this.rectangle, event) && !this.isLocked) return;
    // What is less than a message can say comes with the next one.
    const turn = turned(event).map((by, axis) => by + this.#rest[axis]);
    const whole = turn.map(Math.trunc);
    this.#rest = turn.map((by, axis) => by - whole[axis]);
    if (whole.some(Boolean)) this.#send(wheel(...whole));
  }
}
