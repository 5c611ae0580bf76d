// One line above the figure: what is happening, or what went wrong. Always text, never markup.

import { make } from "./shared/elements.js";
import { part, tabOf } from "./shared/places.js";
/** @import { Page } from "./types.js" */

/** field: the control that is wrong. @typedef {{ tone?: "idle" | "busy" | "error", text?: string, done?: number, total?: number, field?: string }} Status */

/** @param {Page<Status>} page */
export function mount({ element, props, watch }) {
  const box = part(element, ".seq-status");
  const tab = tabOf(element);
  const line = make("p", { dir: "auto", role: "status" });
  const bar = make("progress", { "aria-label": "Progress" });
  // On a phone the form's own Stop button is out of sight while the figure is in it.
  const stop = make("button", { type: "button" }, "Stop");
  stop.addEventListener("click", () => {
    const button = tab.querySelector("button.seq-stop");
    if (button instanceof HTMLElement) button.click();
  });
  box.replaceChildren(line, stop, bar);
  let before = "idle";
  const draw = () => {
    const { tone = "idle", text = "", done = 0, total = 0, field = "" } = props.value || {};
    line.textContent = text;
    line.setAttribute("role", tone === "error" ? "alert" : "status");
    box.dataset.tone = tone;
    box.hidden = text === "";
    bar.hidden = stop.hidden = tone !== "busy";
    if (total > 0) Object.assign(bar, { max: total, value: done });
    else bar.removeAttribute("value");
    tab.toggleAttribute("data-busy", tone === "busy");
    tab.querySelectorAll(".seq-field").forEach((control) => {
      control.toggleAttribute("data-wrong", tone === "error" && control.id.endsWith(`-${field}`));
    });
    if (tone !== "idle" && tone !== before) reveal(box);
    before = tone;
  };
  watch("value", draw);
  draw();
}

/**
 * On a phone the form is below the figure: brings the answer, or the reason why there is none, into sight.
 * @param {HTMLElement} box
 */
function reveal(box) {
  const place = box.getBoundingClientRect();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (place.top < 0 || place.bottom > innerHeight) {
    box.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
  }
}
