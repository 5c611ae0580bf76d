// What the model might have written in place of the pinned token. A click asks why it did not, where a page can answer.

import { element, fillCaption, uniqueId } from "../figure/widgets.js";
import { formatProbability, labelOf } from "../figure/words.js";
/** @import { Other, Token } from "../figure/types.js" */

/**
 * others: [{text, special, p}…], likeliest first. place: the written token, named where its unit has more of them.
 * ask(other) is called on a click; without it the row only tells.
 * @param {HTMLElement} host @param {Other[]} others @param {Token | null} place
 * @param {((other: Other) => void) | null} ask
 */
export function fillOthers(host, others, place, ask) {
  host.textContent = "";
  host.hidden = others.length === 0;
  if (!others.length) return;
  const label = host.appendChild(element("span", "ss-others-label"));
  fillCaption(label, place ? ["In place of ", { quote: labelOf(place.text, 24) }, ", why not"] : ["Why not"]);
  label.id = uniqueId("ss-others");
  const list = host.appendChild(element("ul", "ss-others-list"));
  list.setAttribute("aria-labelledby", label.id);
  others.forEach((other) => {
    const item = list.appendChild(element("li"));
    const said = [{ quote: labelOf(other.text, 24) }, " " + formatProbability(other.p) + (ask ? "?" : "")];
    if (!ask) return fillCaption(item.appendChild(element("span", "ss-other")), said);
    const node = item.appendChild(element("button", "ss-other"));
    fillCaption(node, said);
    node.type = "button";
    node.setAttribute("aria-label", "Why not ‘" + labelOf(other.text, 24) + "’, " + formatProbability(other.p) + "?");
    node.addEventListener("click", () => ask(other));
  });
}

/** The same in a few words, for the tip. @param {Other[]} others @returns {string} */
export function othersText(others) {
  return others.slice(0, 3).map((other) => "‘" + labelOf(other.text, 16) + "’ " + formatProbability(other.p)).join(", ");
}
