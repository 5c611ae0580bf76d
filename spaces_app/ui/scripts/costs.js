// What the question on the form would take, told before it is run. Asked for once somebody has looked at the methods,
// and never while the link is private: the answer depends on the text, which stays here until Run.

import { hear, tell } from "./shared/events.js";
import { pageOf, part, tabOf } from "./shared/places.js";
/** @import { Costs, Page } from "./types.js" */

const QUIET = "While the link is private, nothing of the text is sent before Run, so the time is not known.";

/** @param {Page<Costs>} page */
export function mount({ element, props, trigger, watch }) {
  const line = part(element, ".seq-costs");
  const tab = tabOf(element);
  const root = pageOf(element);
  let wanted = false;
  let timer = 0;
  let tries = 0;

  const draw = () => {
    let costs = props.value || {};
    if (root.hasAttribute("data-private")) {
      costs = { ...costs, seconds: {}, text: "", again: false, note: costs.field ? QUIET : "" };
    }
    tab.seqCosts = costs;
    line.textContent = costs.text ?? "";
    line.hidden = line.textContent === "";
    tell(tab, "seqscope:costs", null);
    // The lane was busy, or torch was just being imported.
    if (costs.again && tries++ < 8) ask(2500);
  };
  const ask = (/** @type {number} */ delay) => {
    clearTimeout(timer);
    if (delay < 1000) tries = 0;
    timer = setTimeout(() => (root.hasAttribute("data-private") ? draw() : trigger("ask")), delay);
  };

  watch("value", draw);
  hear(tab, "seqscope:wanted", () => {
    if (!wanted) ask(0);
    wanted = true;
  });
  hear(tab, "seqscope:form", () => {
    if (wanted) ask(600);
  });
  hear(tab, "seqscope:shown", () => {
    if (wanted) ask(0);
  });
  draw();
}
