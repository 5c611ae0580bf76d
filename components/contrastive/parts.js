// The skeleton of the figure, and the bars of the next tokens.

import { appendPieces, element, Legend, makeSwitch, Tip, uniqueId } from "../figure/widgets.js";
import { formatProbability, labelOf } from "../figure/words.js";
/** @import { ContrastChoice, ContrastHandlers, ContrastParts } from "./types.js" */
/** @import { Choice } from "../figure/types.js" */

/** @type {Choice[]} */
const SHOW_CHOICES = [["difference", "A against B"], ["a", "Towards A"], ["b", "Towards B"]];

/** @type {Choice[]} */
const CONTRAST_UNITS = [["token", "Token"], ["word", "Word"]];

/** @type {Choice[]} */
const LINE_CHOICES = [["p", "Probability"], ["rank", "Rank"]];

/**
 * on: {show, unit, lines, swap, choose(text)}
 * @param {HTMLElement} root @param {ContrastHandlers} on @returns {ContrastParts}
 */
export function buildContrast(root, on) {
  root.textContent = "";
  const parts = /** @type {ContrastParts} */ ({ tip: new Tip(root), legend: new Legend() });
  parts.empty = root.appendChild(element("p", "ss-empty"));
  parts.frame = root.appendChild(element("div", "ss-frame"));
  const head = parts.frame.appendChild(element("div", "sk-head"));
  parts.a = head.appendChild(element("span", "sk-chip sk-a"));
  parts.swap = head.appendChild(element("button", "sk-swap", "⇄"));
  parts.swap.type = "button";
  parts.swap.setAttribute("aria-label", "Swap A and B");
  parts.swap.addEventListener("click", on.swap);
  parts.b = head.appendChild(element("span", "sk-chip sk-b"));
  parts.odds = head.appendChild(element("span", "sk-odds"));
  const toolbar = parts.frame.appendChild(element("div", "ss-toolbar sk-toolbar"));
  parts.show = makeSwitch(uniqueId("sk-show"), "What is shown", SHOW_CHOICES, on.show);
  parts.unit = makeSwitch(uniqueId("sk-unit"), "Unit", CONTRAST_UNITS, on.unit);
  toolbar.append(parts.show.node, parts.unit.node);
  parts.stale = parts.frame.appendChild(element("p", "ss-stale", "Not run yet: press Run"));
  parts.stage = parts.frame.appendChild(element("div", "ss-stage sk-stage"));
  const left = parts.stage.appendChild(element("div", "sk-left"));
  parts.flow = left.appendChild(element("div", "ss-flow"));
  parts.pair = left.appendChild(element("div", "sk-pair"));
  const scale = left.appendChild(element("div", "ss-scale-row sk-scale"));
  scale.append(parts.legend.node);
  parts.bars = parts.stage.appendChild(element("section", "sk-bars"));
  parts.bars.setAttribute("aria-label", "What the model might have written here");
  const reading = parts.frame.appendChild(element("div", "ss-reading"));
  parts.caption = reading.appendChild(element("p", "ss-caption"));
  parts.details = reading.appendChild(element("dl", "ss-pairs ss-details"));
  parts.layers = parts.frame.appendChild(element("section", "sk-layers"));
  parts.layers.setAttribute("aria-label", "A and B through the layers");
  const lineHead = parts.layers.appendChild(element("div", "sk-layers-head"));
  parts.lineText = lineHead.appendChild(element("p", "sk-layers-text"));
  parts.lines = makeSwitch(uniqueId("sk-lines"), "Lines", LINE_CHOICES, on.lines);
  lineHead.append(parts.lines.node);
  parts.chart = parts.layers.appendChild(element("div", "sk-chart"));
  parts.badges = parts.frame.appendChild(element("dl", "ss-pairs ss-badges"));
  parts.notes = parts.frame.appendChild(element("ul", "ss-notes"));
  parts.status = root.appendChild(element("p", "ss-status"));
  parts.status.setAttribute("role", "status");
  root.appendChild(parts.tip.node);
  return parts;
}

/**
 * The ten likeliest next tokens as buttons: a click makes one B. choices: [{text, p}].
 * @param {HTMLElement} host @param {ContrastChoice[]} choices @param {{ a: number | null, b: number | null }} sides
 * @param {(choice: ContrastChoice) => void} choose
 */
export function fillBars(host, choices, { a, b }, choose) {
  host.textContent = "";
  host.hidden = choices.length === 0;
  if (!choices.length) return;
  host.appendChild(element("div", "ss-label", "What it might have written"));
  const list = host.appendChild(element("ol", "sk-list"));
  const most = Math.max(...choices.map((choice) => choice.p), 1e-12);
  choices.forEach((choice) => {
    const item = list.appendChild(element("li", "sk-item"));
    const side = choice.id === a ? "a" : choice.id === b ? "b" : "";
    const button = item.appendChild(element("button", "sk-choice" + (side ? " sk-is-" + side : "")));
    button.type = "button";
    const label = button.appendChild(element("bdi", "sk-word"));
    appendPieces(label, choice.text);
    const bar = button.appendChild(element("span", "sk-track")).appendChild(element("span", "sk-bar"));
    bar.style.width = Math.max(1, (100 * choice.p) / most).toFixed(1) + "%";
    button.appendChild(element("span", "sk-number", formatProbability(choice.p)));
    const mark = side ? side.toUpperCase() : "";
    button.appendChild(element("span", "sk-mark", mark));
    const text = labelOf(choice.text, 30) + ", " + formatProbability(choice.p);
    const about = { a: " is A", b: " is B", "": ", compare with it" }[side];
    button.setAttribute("aria-label", text + about);
    button.disabled = side !== "";
    button.addEventListener("click", () => choose(choice));
  });
}
