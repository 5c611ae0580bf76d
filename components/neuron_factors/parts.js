// The skeleton of the figure, one sparkline for each factor, and the card of a factor.

import { svgElement } from "../figure/curves.js";
import { element, Tip } from "../figure/widgets.js";
import { formatPercent, formatScore, labelOf } from "../figure/words.js";
import { peaksOf } from "./model.js";
/** @import { Token } from "../figure/types.js" */
/** @import { Factor, FactorsParts } from "./types.js" */

export const SHOWN_AT_FIRST = 8; // as many as there are colours that stay apart

/** @param {HTMLElement} root @param {{ more: () => void }} on @returns {FactorsParts} */
export function buildFactors(root, on) {
  root.textContent = "";
  const parts = /** @type {FactorsParts} */ ({ tip: new Tip(root) });
  parts.empty = root.appendChild(element("p", "ss-empty"));
  parts.frame = root.appendChild(element("div", "ss-frame"));
  parts.stale = parts.frame.appendChild(element("p", "ss-stale", "Not run yet: press Run"));
  parts.stage = parts.frame.appendChild(element("div", "ss-stage sn-stage"));
  const left = parts.stage.appendChild(element("section", "sn-left"));
  left.setAttribute("aria-label", "Factors");
  left.appendChild(element("div", "ss-label", "Factors, by share of the activation"));
  parts.list = left.appendChild(element("div", "sn-list"));
  parts.list.setAttribute("role", "listbox");
  parts.list.setAttribute("aria-label", "Factors");
  parts.more = left.appendChild(element("button", "sn-more"));
  parts.more.type = "button";
  parts.more.addEventListener("click", on.more);
  const right = parts.stage.appendChild(element("div", "sn-right"));
  parts.hint = right.appendChild(element("p", "ss-hint"));
  parts.text = right.appendChild(element("div", "ss-flow sn-text"));
  const reading = parts.frame.appendChild(element("div", "ss-reading"));
  parts.caption = reading.appendChild(element("p", "ss-caption"));
  parts.details = reading.appendChild(element("dl", "ss-pairs ss-details"));
  parts.card = parts.frame.appendChild(element("section", "sn-card"));
  parts.card.setAttribute("aria-label", "What is known of the factor");
  parts.badges = parts.frame.appendChild(element("dl", "ss-pairs ss-badges"));
  parts.notes = parts.frame.appendChild(element("ul", "ss-notes"));
  parts.status = root.appendChild(element("p", "ss-status"));
  parts.status.setAttribute("role", "status");
  root.appendChild(parts.tip.node);
  return parts;
}

// One factor's line along the text: an area under its activations, with a cursor at a token.
export class Sparkline {
  /** @param {Factor} factor @param {Token[]} tokens */
  constructor(factor, tokens) {
    this.factor = factor;
    this.tokens = tokens;
    this.node = element("div", "sn-factor");
    this.node.setAttribute("role", "option");
    this.node.tabIndex = -1;
    this.node.dataset.f = String(factor.i);
    this.node.classList.add("sn-hue-" + (factor.i % SHOWN_AT_FIRST));
    const head = this.node.appendChild(element("span", "sn-factor-head"));
    head.appendChild(element("span", "sn-number", String(factor.number)));
    head.appendChild(element("span", "sn-share", formatPercent(factor.share)));
    this.picture = this.node.appendChild(svgElement("svg", { class: "sn-spark", viewBox: "0 0 200 30", "aria-hidden": "true" }));
    this.picture.setAttribute("preserveAspectRatio", "none");
    const n = factor.values.length;
    this.x = (/** @type {number} */ i) => (n > 1 ? (200 * i) / (n - 1) : 100);
    const y = (/** @type {number} */ value) => 28 - (value === value && factor.most > 0 ? (26 * value) / factor.most : 0);
    const points = Array.from(factor.values, (value, i) => this.x(i).toFixed(1) + "," + y(value).toFixed(1)).join(" ");
    this.picture.appendChild(svgElement("polygon", { class: "sn-area", points: "0,28 " + points + " 200,28" }));
    this.picture.appendChild(svgElement("polyline", { class: "sn-line", points }));
    this.cursor = this.picture.appendChild(svgElement("line", { class: "sn-cursor", y1: 0, y2: 30, x1: 0, x2: 0 }));
    this.value = this.node.appendChild(element("span", "sn-value"));
    const peaks = peaksOf(factor, 4).map((i) => labelOf(tokens[i].text, 14));
    this.node.setAttribute("aria-label", "Factor " + factor.number + ", " + formatPercent(factor.share) + ", strongest at " + peaks.join(", "));
  }

  /** token: where the cursor stands, or -1. @param {number} token @param {boolean} focused @param {boolean} pinned */
  mark(token, focused, pinned) {
    this.node.classList.toggle("sn-focus", focused);
    this.node.classList.toggle("sn-pinned", pinned);
    this.node.setAttribute("aria-selected", pinned ? "true" : "false");
    this.cursor.setAttribute("visibility", token >= 0 ? "visible" : "hidden");
    if (token >= 0) {
      this.cursor.setAttribute("x1", this.x(token).toFixed(1));
      this.cursor.setAttribute("x2", this.x(token).toFixed(1));
    }
    const value = token >= 0 ? this.factor.values[token] : NaN;
    this.value.textContent = token >= 0 ? formatScore(value) : "";
  }
}
