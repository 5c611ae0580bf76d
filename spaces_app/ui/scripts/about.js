// What the chosen method does, in one sentence, and its paper; the options that do not count, and why.

import { make } from "./shared/elements.js";
import { part } from "./shared/places.js";
/** @import { Page } from "./types.js" */

/** idle: labels of options and why they do not count. @typedef {{ text?: string, source?: string, idle?: [string, string][] }} About */

/** @param {Page<About>} page */
export function mount({ element, props, watch }) {
  const box = part(element, ".seq-about");
  const draw = () => {
    const { text = "", source = "", idle = [] } = props.value || {};
    const line = make("p", {}, `${text} `);
    if (/^https:\/\//.test(source)) {
      line.append(make("a", { href: source, target: "_blank", rel: "noopener noreferrer" }, "Paper"));
    }
    box.replaceChildren(line);
    if (idle.length) box.append(unused(idle));
    box.hidden = text === "";
  };
  watch("value", draw);
  draw();
}

/** @param {[string, string][]} idle @returns {HTMLElement} */
function unused(idle) {
  const more = make("details");
  const list = make("ul");
  const count = idle.length === 1 ? "1 option does not count here" : `${idle.length} options do not count here`;
  list.append(...idle.map(([label, reason]) => make("li", {}, `${label}: ${reason}`)));
  more.append(make("summary", {}, count), list);
  return more;
}
