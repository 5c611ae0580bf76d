// A bar for each token that was written, as long as the token was surprising. mount(root, value) is all.

import { element, fillPairs } from "../figure/widgets.js";
import { formatScore, labelOf } from "../figure/words.js";
/** @import { Mount } from "../figure/contract.js" */
/** @import { SurprisalValue } from "./types.js" */

const EMPTY_BARS = "Nothing to show yet. Write a text and press Run.";

/** @param {string} text @param {number} value @param {number} largest @returns {HTMLElement} */
function bar(text, value, largest) {
  const row = element("li", "");
  const line = row.appendChild(element("span", "su-bar"));
  line.style.width = (100 * value) / largest + "%";
  row.appendChild(element("span", "su-word", labelOf(text, 32)));
  row.appendChild(element("span", "su-number", formatScore(value)));
  return row;
}

/** @param {HTMLElement} root @param {SurprisalValue} value */
function draw(root, value) {
  const written = value.tokens.filter((token) => token.segment === "generated");
  const largest = Math.max(1e-9, ...value.values);
  const list = root.appendChild(element("ol", "su-bars"));
  list.append(...written.map((token, i) => bar(token.text, value.values[i], largest)));
  const badges = root.appendChild(element("dl", "ss-pairs ss-badges"));
  fillPairs(badges, (value.badges || []).map((badge) => [badge.label, badge.text]));
}

/** @type {Mount<SurprisalValue>} */
export function mount(root, given) {
  /** @param {SurprisalValue | string | null | undefined} value */
  const update = (value) => {
    const data = typeof value === "string" && value ? JSON.parse(value) : value;
    root.replaceChildren();
    if (data) draw(root, data);
    else root.appendChild(element("p", "ss-empty", EMPTY_BARS));
  };
  update(given);
  return { update, destroy: () => root.replaceChildren() };
}
