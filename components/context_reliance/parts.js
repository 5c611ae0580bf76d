// The skeleton of the figure, and a slider that shows what it cuts.

import { element, makeSwitch, Tip, uniqueId } from "../figure/widgets.js";
/** @import { Histogram, RelianceHandlers, RelianceParts } from "./types.js" */
/** @import { Choice } from "../figure/types.js" */

export const BINS = 24;

// A slider under a histogram of the scores, with the cut drawn into it. on(value) hears of every move.
export class Cut {
  /** @param {string} label @param {(value: number) => void} on */
  constructor(label, on) {
    this.node = element("div", "sc-cut");
    const head = this.node.appendChild(element("label", "sc-cut-label", label));
    this.number = head.appendChild(element("span", "sc-cut-number"));
    this.plot = this.node.appendChild(element("div", "sc-histogram"));
    this.plot.setAttribute("aria-hidden", "true");
    this.bars = Array.from({ length: BINS }, () => this.plot.appendChild(element("span", "sc-bin")));
    this.line = this.plot.appendChild(element("span", "sc-cut-line"));
    this.range = this.node.appendChild(element("input", "sc-range"));
    Object.assign(this.range, { type: "range", min: "0", max: "4", step: "0.05" });
    this.range.id = uniqueId("sc-cut");
    head.htmlFor = this.range.id;
    this.range.addEventListener("input", () => on(Number(this.range.value)));
  }

  /** @param {number} sigma @param {Histogram} histogram @param {string} text */
  show(sigma, histogram, text) {
    this.range.value = String(sigma);
    this.number.textContent = text;
    this.range.setAttribute("aria-valuetext", text);
    const most = Math.max(...histogram.counts, 1);
    this.bars.forEach((bar, i) => {
      bar.style.height = (histogram.counts[i] ? 8 + (92 * histogram.counts[i]) / most : 0) + "%";
      bar.classList.toggle("sc-over", (i + 1) / BINS > histogram.at);
    });
    this.line.style.left = (histogram.at * 100).toFixed(1) + "%";
  }
}

/** @type {Choice[]} */
const VIEW_CHOICES = [["words", "Words"], ["sentences", "Sentences"]];

/** @type {Choice[]} */
const UNIT_CHOICES = [["token", "Token"], ["word", "Word"]];

/**
 * The whole skeleton under root. on: {metric, view, unit, sigma, cue, top, anyway}.
 * @param {HTMLElement} root @param {RelianceHandlers} on @returns {RelianceParts}
 */
export function buildParts(root, on) {
  root.textContent = "";
  const parts = /** @type {RelianceParts} */ ({ tip: new Tip(root) });
  parts.empty = root.appendChild(element("p", "ss-empty"));
  parts.frame = root.appendChild(element("div", "ss-frame"));
  const toolbar = parts.frame.appendChild(element("div", "ss-toolbar"));
  parts.view = makeSwitch(uniqueId("sc-view"), "View", VIEW_CHOICES, on.view);
  parts.unit = makeSwitch(uniqueId("sc-unit"), "Unit", UNIT_CHOICES, on.unit);
  const measure = element("label", "sc-measure", "Measured by");
  parts.metric = measure.appendChild(element("select", "sc-select"));
  parts.metric.addEventListener("change", () => on.metric(parts.metric.value));
  toolbar.append(parts.view.node, measure, parts.unit.node);
  parts.stale = parts.frame.appendChild(element("p", "ss-stale", "Not run yet: press Run"));
  parts.stage = parts.frame.appendChild(element("div", "ss-stage sc-stage"));
  const column = (/** @type {string} */ title) => {
    const box = parts.stage.appendChild(element("section", "sc-column"));
    box.setAttribute("aria-label", title);
    box.appendChild(element("div", "ss-label", title));
    return box;
  };
  parts.contextColumn = column("Context");
  parts.context = parts.contextColumn.appendChild(element("div", "sc-text"));
  parts.sentences = parts.contextColumn.appendChild(element("ol", "sc-sentences"));
  const right = column("What the model read and wrote");
  parts.query = right.appendChild(element("div", "sc-text sc-query"));
  right.appendChild(element("div", "ss-label sc-answer-label", "Answer"));
  parts.answer = right.appendChild(element("div", "sc-text sc-answer"));
  parts.without = right.appendChild(element("p", "sc-without-note"));
  const cuts = parts.frame.appendChild(element("div", "sc-cuts"));
  parts.sigma = new Cut("Which words depend on the context", on.sigma);
  parts.cue = new Cut("Which context words count as cues", on.cue);
  cuts.append(parts.sigma.node, parts.cue.node);
  const reading = parts.frame.appendChild(element("div", "ss-reading"));
  parts.caption = reading.appendChild(element("p", "ss-caption"));
  parts.anyway = reading.appendChild(element("button", "sc-anyway", "Show it anyway"));
  parts.anyway.type = "button";
  parts.anyway.addEventListener("click", on.anyway);
  parts.details = reading.appendChild(element("dl", "ss-pairs ss-details"));
  parts.pairs = reading.appendChild(element("ul", "sc-pairs"));
  parts.badges = parts.frame.appendChild(element("dl", "ss-pairs ss-badges"));
  parts.notes = parts.frame.appendChild(element("ul", "ss-notes"));
  parts.status = root.appendChild(element("p", "ss-status"));
  parts.status.setAttribute("role", "status");
  root.appendChild(parts.tip.node);
  return parts;
}
