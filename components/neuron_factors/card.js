// The card of a factor.

import { appendPieces, element } from "../figure/widgets.js";
import { formatPercent, formatProbability, formatScore, labelOf } from "../figure/words.js";
import { SHOWN_AT_FIRST } from "./parts.js";
/** @import { Ablation, Factor, FactorsModel, Neuron } from "./types.js" */

/**
 * @param {HTMLElement} host @param {string} label @param {number} part @param {string} number
 * @param {string} [className] @returns {HTMLElement}
 */
function barRow(host, label, part, number, className) {
  const item = host.appendChild(element("li", "sg-item " + (className || "")));
  appendPieces(item.appendChild(element("bdi", "sg-word")), label);
  const bar = item.appendChild(element("span", "sg-track")).appendChild(element("span", "sg-bar"));
  bar.style.width = Math.max(1, 100 * Math.min(1, part)).toFixed(1) + "%";
  item.appendChild(element("span", "sg-number", number));
  return item;
}

/** @param {HTMLElement} card @param {string} title @param {string} note @returns {HTMLElement} */
function cardColumn(card, title, note) {
  const column = card.appendChild(element("div", "sn-column"));
  column.appendChild(element("h4", "sn-title", title));
  if (note) column.appendChild(element("p", "sn-about", note));
  return column.appendChild(element("ol", "sn-rows"));
}

/**
 * The card of a factor: where its neurons are, which they are, what they write, and what happens without them.
 * ablate() asks for the last of these where it is not known; null where nobody can answer.
 * @param {HTMLElement} card @param {FactorsModel} model @param {Factor | null} factor
 * @param {(() => void) | null} ablate
 */
export function fillCard(card, model, factor, ablate) {
  card.textContent = "";
  card.hidden = !factor;
  if (!factor) return;
  const head = card.appendChild(element("div", "sn-card-head"));
  head.appendChild(element("h3", "sn-card-title", "Factor " + factor.number)).classList.add("sn-hue-" + (factor.i % SHOWN_AT_FIRST));
  if (factor.stability === factor.stability) {
    head.appendChild(element("span", "sn-share", "stability " + factor.stability.toFixed(2)));
  }
  if (ablate && !factor.ablation) {
    const button = head.appendChild(element("button", "sn-more sn-ablate", "Run without it"));
    button.type = "button";
    button.addEventListener("click", ablate);
  }
  const grid = card.appendChild(element("div", "sn-card-grid"));
  if (factor.layers.length > 1) {
    const rows = cardColumn(grid, "Layers", "Share of the factor's weight in each layer.");
    const most = Math.max(...factor.layers, 1e-12);
    factor.layers.forEach((share, i) => barRow(rows, model.layerLabels[i] || String(i), share / most, formatPercent(share)));
  }
  if (factor.neurons.length) {
    const rows = cardColumn(grid, "Neurons", "The heaviest, and the tokens that fire each most.");
    const most = Math.max(...factor.neurons.map((neuron) => neuron.weight), 1e-12);
    factor.neurons.slice(0, 8).forEach((neuron) => {
      const row = barRow(rows, neuronName(neuron, model), neuron.weight / most, formatScore(neuron.weight));
      const fires = (neuron.tokens || []).slice(0, 4).map((i) => model.tokens[i] && labelOf(model.tokens[i].text, 14));
      row.appendChild(element("bdi", "sn-fires", Array.from(new Set(fires.filter(Boolean))).join("  ")));
    });
  }
  [{ list: factor.promoted, title: "Writes" }, { list: factor.suppressed, title: "Holds back" }].forEach(({ list, title }) => {
    if (!list.length) return;
    const rows = cardColumn(grid, title, "Through the unembedding alone: the linear path, later layers left out.");
    const most = Math.max(...list.map((entry) => Math.abs(entry.weight)), 1e-12);
    list.slice(0, 8).forEach((entry) => barRow(rows, entry.text, Math.abs(entry.weight) / most, formatScore(entry.weight)));
  });
  if (factor.ablation) fillAblation(grid, factor.ablation);
}

/**
 * Layer and number; − for the negative half of a neuron; with the side where there are neurons of both.
 * @param {Neuron} neuron @param {FactorsModel} model @returns {string}
 */
function neuronName(neuron, model) {
  const side = model.sides > 1 ? (neuron.side === "encoder" ? "E" : "D") : "L";
  return side + neuron.layer + " · " + (neuron.sign === "-" ? "−" : "") + neuron.index;
}

/** @param {HTMLElement} grid @param {Ablation} ablation */
function fillAblation(grid, ablation) {
  const name = ablation.scale ? "Changed" : "Without it";
  const rows = cardColumn(grid, name, String(ablation.about || ""));
  const before = new Map(ablation.before.map((entry) => [entry.text, entry.p]));
  const after = new Map(ablation.after.map((entry) => [entry.text, entry.p]));
  const most = (/** @type {string} */ word) => Math.max(before.get(word) || 0, after.get(word) || 0);
  const words = Array.from(new Set([...before.keys(), ...after.keys()])).sort((a, b) => most(b) - most(a));
  words.slice(0, 8).forEach((word) => {
    const p = (/** @type {number | undefined} */ known) => (known === undefined ? "–" : formatProbability(known));
    barRow(rows, word, after.get(word) || 0, p(before.get(word)) + " → " + p(after.get(word)), "sn-wide");
  });
  const texts = [{ label: "With it", text: ablation.text_before }, { label: name, text: ablation.text_after }];
  texts.forEach(({ label, text }) => {
    if (typeof text !== "string" || !text) return;
    const line = /** @type {HTMLElement} */ (rows.parentElement).appendChild(element("p", "sn-continuation"));
    line.appendChild(element("span", "ss-label", label + " "));
    appendPieces(line.appendChild(element("bdi", "")), text);
  });
}
