// How alike several methods rank the text.

import { element, fillCaption } from "../figure/widgets.js";
import { formatCorrelation } from "../figure/words.js";
/** @import { Agreement } from "./types.js" */

/**
 * How alike several maps rank the inputs: a table of every two. here, whole: (i, j) → a number, NaN where unknown.
 * @param {HTMLElement} host @param {string[]} names @param {Agreement} agreement
 */
export function fillAgreement(host, names, { subject, here, whole }) {
  host.textContent = "";
  host.hidden = names.length < 2;
  if (host.hidden) return;
  const number = (/** @type {number} */ value) => (value === value ? formatCorrelation(value) : "–");
  const line = host.appendChild(element("p", "ss-agreement-title"));
  fillCaption(line, subject
    ? ["How alike the methods rank the text for ", subject, ", and on average over the output in brackets."]
    : ["How alike the methods rank the text, on average over the output."]);
  const frame = host.appendChild(element("div", "ss-agreement-frame"));
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", "Rank agreement of every two methods");
  const table = frame.appendChild(element("table", "ss-agreement-table"));
  const head = table.appendChild(element("tr"));
  head.appendChild(element("td"));
  names.slice(0, -1).forEach((name) => (head.appendChild(element("th", "", name)).scope = "col"));
  names.slice(1).forEach((name, k) => {
    const row = table.appendChild(element("tr"));
    row.appendChild(element("th", "", name)).scope = "row";
    names.slice(0, -1).forEach((_, j) => {
      const i = k + 1;
      const text = j >= i ? "" : subject ? number(here(i, j)) + " (" + number(whole(i, j)) + ")" : number(whole(i, j));
      row.appendChild(element("td", "", text));
    });
  });
  host.appendChild(element("p", "ss-agreement-note", "Rank correlation: 1 is the same order, 0 unrelated, −1 the opposite."));
}
