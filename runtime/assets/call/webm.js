// A side of a call with Media Source Extensions: for browsers without WebRTC, and for what is not sent over it.

import * as desk from "./desk.js";

const TYPE = 'video/webm; codecs="vp8,opus"';
// What is older is of no use, and takes memory.
const KEPT_S = 20;
// A page that is further behind than this goes to where it should be.
const BEHIND_S = 0.8;
const EDGE_S = 0.1;
const AGAIN_MS = 1_000;

/** Plays that side (`media` or `self`) in `video`, and again should the connection be lost, until it is closed. */
export class WebM {
  #video;
  #path;
  #socket = null;
  #isClosed = false;
  #again = 0;

  constructor(video, side, channel) {
    this.#video = video;
    this.#path = `${side}/${encodeURIComponent(channel)}`;
    this.#begin();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.#socket?.close();
    if (this.#video.src) URL.revokeObjectURL(this.#video.src);
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  #begin() {
    const media = new MediaSource();
    if (this.#video.src) URL.revokeObjectURL(this.#video.src);
    this.#video.srcObject = null;
    this.#video.src = URL.createObjectURL(media);
    media.addEventListener("sourceopen", () => this.#open(media), { once: true });
  }

  #open(media) {
    if (this.#isClosed) return;
    const [buffer, waiting] = [media.addSourceBuffer(TYPE), []];
    buffer.mode = "sequence";
    const next = () => {
      if (buffer.updating || media.readyState !== "open") return;
      if (waiting.length) buffer.appendBuffer(waiting.shift());
      else this.#tidy(buffer);
    };
    buffer.addEventListener("updateend", next);
    const socket = new WebSocket(desk.socket(this.#path));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      waiting.push(data);
      next();
    };
    socket.onclose = () => {
      if (!this.#isClosed) this.#again = setTimeout(() => this.#begin(), AGAIN_MS);
    };
  }

  #tidy(buffer) {
    const video = this.#video;
    if (!buffer.buffered.length) return;
    const [begin, end] = [buffer.buffered.start(0), buffer.buffered.end(buffer.buffered.length - 1)];
    if (end - video.currentTime > BEHIND_S) video.currentTime = end - EDGE_S;
    if (video.currentTime - begin > KEPT_S * 2) buffer.remove(begin, video.currentTime - KEPT_S);
  }
}
