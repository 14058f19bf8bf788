// What opens beside the picture when somebody asks for it: one at a time, closed by its button, its cross or Escape.

import { element } from "./page.js";

const opener = (panel) => document.querySelector(`#bar [aria-controls="${panel.id}"]`);
const opened = () => document.querySelector(".panel:not([hidden])");

/** `changed` is called with the name of one that opens. */
export function listen(changed) {
  for (const panel of document.querySelectorAll(".panel")) {
    opener(panel).addEventListener("click", ({ detail }) => {
      if (!toggle(panel.id)) return;
      // Who came by keyboard would have to go back to what stands before the bar.
      if (detail === 0) panel.querySelector(".close").focus();
      changed(panel.id);
    });
    panel.querySelector(".close").addEventListener("click", close);
  }
}

/** Whether it is open then. */
export function toggle(id) {
  const panel = element(id);
  const opens = panel.hidden;
  for (const other of document.querySelectorAll(".panel")) set(other, opens && other === panel);
  return opens;
}

/** Who closes it goes back to where it was opened. */
export function close() {
  const panel = opened();
  if (!panel) return;
  set(panel, false);
  opener(panel).focus();
}

function set(panel, isOpen) {
  panel.hidden = !isOpen;
  opener(panel).setAttribute("aria-expanded", String(isOpen));
}
