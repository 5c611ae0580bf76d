// One row of a grid as bars over the words of the text, in its order: up where it is above zero, down where below.

import { appendPieces, element } from "../figure/widgets.js";
import { directionOf, formatScore, labelOf } from "../figure/words.js";
/** @import { AlongPicture } from "./types.js" */

/**
 * what: {names, values, at, label}; pick(column) is called on a click. A column without a name or a number is a gap.
 * @param {HTMLElement} host @param {AlongPicture} picture @param {(column: number) => void} pick
 */
export function fillAlong(host, { names, values, at, label }, pick) {
  host.textContent = "";
  const known = Array.from(values).filter((value) => value === value);
  const [high, low] = [Math.max(0, ...known), Math.min(0, ...known)];
  const range = high - low || 1;
  host.appendChild(element("p", "ss-label", label));
  const text = host.appendChild(element("div", "sg-text"));
  text.setAttribute("role", "img");
  const best = names.reduce((most, _, i) => (values[i] === values[i] && !(values[i] <= values[most]) ? i : most), 0);
  text.setAttribute("aria-label", label + "; highest at " + labelOf(names[best], 24) + ", " + formatScore(values[best]));
  text.dir = directionOf(names.join(""));
  names.forEach((name, i) => {
    const value = values[i];
    const step = text.appendChild(element("span", "sg-step"));
    if (value !== value) {
      step.classList.add("sg-gap");
      return;
    }
    const box = step.appendChild(element("span", "sg-column"));
    const bar = box.appendChild(element("span", value < 0 ? "sg-rise sg-fall" : "sg-rise"));
    bar.style.height = ((100 * Math.abs(value)) / range).toFixed(1) + "%";
    bar.style.bottom = ((100 * (Math.min(0, value) - low)) / range).toFixed(1) + "%";
    box.style.setProperty("--sg-zero", ((-100 * low) / range).toFixed(1) + "%");
    appendPieces(step.appendChild(element("bdi", "sg-token")), labelOf(name, 24));
    step.title = labelOf(name, 24) + ": " + formatScore(value);
    step.classList.toggle("sg-here", i === at);
    step.addEventListener("click", () => pick(i));
  });
}
