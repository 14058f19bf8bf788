// What a person does with the picture: sound, volume, full screen, a window of its own. Buttons for what a browser cannot do are
// not there.

import { element } from "./page.js";
import * as panels from "./panels.js";

// In full screen the bar goes when nobody has moved for so long.
const IDLE_MS = 3_000;

const video = element("video");
let idle = 0;

/** `changed` is called when somebody opens a panel. */
export function listen(changed) {
  panels.listen(changed);
  const buttons = { unmute: toggleSound, mute: toggleSound, full: toggleFullScreen, small: toggleSmall };
  for (const [id, act] of Object.entries(buttons)) element(id).addEventListener("click", act);
  const details = () => panels.toggle("details") && changed();
  const keys = { m: toggleSound, f: toggleFullScreen, p: toggleSmall, d: details };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id !== "sink") panels.close();
    const writes = event.target.matches("input:not([type=range]), select, textarea");
    if (!writes && !event.ctrlKey && !event.metaKey && !event.altKey) keys[event.key]?.();
  });
  element("volume").addEventListener("input", setVolume);
  video.addEventListener("volumechange", showSound);
  for (const event of ["pointermove", "pointerdown", "keydown"]) document.addEventListener(event, wake);
  document.addEventListener("fullscreenchange", wake);
  offer();
}

/** Shows what is there. */
function offer() {
  element("full").hidden = !(element("stage").requestFullscreen || video.webkitEnterFullscreen);
  element("small").hidden = !document.pictureInPictureEnabled;
  // Phones have keys for it and refuse it to pages.
  video.volume = 0.5;
  element("volume").hidden = video.volume !== 0.5;
  video.volume = 1;
  showSound();
}

export function showSound() {
  element("mute").setAttribute("aria-label", video.muted ? "Turn the sound on" : "Turn the sound off");
  document.body.dataset.sound = video.muted ? "off" : "on";
  element("volume").value = video.muted ? 0 : Math.round(video.volume * 100);
}

function toggleSound() {
  video.muted = !video.muted;
  if (!video.muted && video.volume === 0) video.volume = 1;
  play();
}

function setVolume() {
  const volume = Number(element("volume").value) / 100;
  video.volume = volume;
  video.muted = volume === 0;
  play();
}

/** Who may not play with sound plays without. */
export function play() {
  video.play().catch((error) => {
    if (error.name !== "NotAllowedError" || video.muted) return;
    video.muted = true;
    video.play().catch(() => {});
  });
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (element("stage").requestFullscreen) element("stage").requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.();
}

function toggleSmall() {
  if (document.pictureInPictureElement) document.exitPictureInPicture();
  // Refused before there is a picture.
  else if (document.pictureInPictureEnabled) video.requestPictureInPicture().catch(() => {});
}

function wake() {
  clearTimeout(idle);
  delete document.body.dataset.idle;
  if (document.fullscreenElement) idle = setTimeout(() => { document.body.dataset.idle = ""; }, IDLE_MS);
}
