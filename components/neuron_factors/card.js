// The card of a factor.

import { appendPieces, element } from "../figure/widgets.js";
import { formatPercent, formatProbability, formatScore, labelOf } from "../figure/words.js";
import { SHOWN_AT_FIRST } from "./parts.js";

function barRow(host, label, part, number, className) {
  const item = host.appendChild(element("li", "sg-item " + (className || "")));
  appendPieces(item.appendChild(element("bdi", "sg-word")), label);
  const bar = item.appendChild(element("span", "sg-track")).appendChild(element("span", "sg-bar"));
  bar.style.width = Math.max(1, 100 * Math.min(1, part)).toFixed(1) + "%";
  item.appendChild(element("span", "sg-number", number));
}

function cardColumn(card, title, note) {
  const column = card.appendChild(element("div", "sn-column"));
  column.appendChild(element("h4", "sn-title", title));
  if (note) column.appendChild(element("p", "sn-about", note));
  return column.appendChild(element("ol", "sn-rows"));
}

// The card of a factor: where its neurons are, which they are, what they write, and what happens without them.
// ablate() asks for the last of these where it is not known; null where nobody can answer.
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
      barRow(rows, neuronName(neuron, model), neuron.weight / most, formatScore(neuron.weight));
      const fires = (neuron.tokens || []).slice(0, 4).map((i) => model.tokens[i] && labelOf(model.tokens[i].text, 14));
      rows.lastChild.appendChild(element("bdi", "sn-fires", Array.from(new Set(fires.filter(Boolean))).join("  ")));
    });
  }
  [["promoted", "Writes"], ["suppressed", "Holds back"]].forEach(([key, title]) => {
    if (!factor[key].length) return;
    const rows = cardColumn(grid, title, "Through the unembedding alone: the linear path, later layers left out.");
    const most = Math.max(...factor[key].map((entry) => Math.abs(entry.weight)), 1e-12);
    factor[key].slice(0, 8).forEach((entry) => barRow(rows, entry.text, Math.abs(entry.weight) / most, formatScore(entry.weight)));
  });
  if (factor.ablation) fillAblation(grid, factor.ablation);
}

// Layer and number; − for the negative half of a neuron; with the side where there are neurons of both.
function neuronName(neuron, model) {
  const side = model.sides > 1 ? (neuron.side === "encoder" ? "E" : "D") : "L";
  return side + neuron.layer + " · " + (neuron.sign === "-" ? "−" : "") + neuron.index;
}

function fillAblation(grid, ablation) {
  const name = ablation.scale ? "Changed" : "Without it";
  const rows = cardColumn(grid, name, String(ablation.about || ""));
  const before = new Map(ablation.before.map((entry) => [entry.text, entry.p]));
  const after = new Map(ablation.after.map((entry) => [entry.text, entry.p]));
  const most = (word) => Math.max(before.get(word) || 0, after.get(word) || 0);
  const words = Array.from(new Set([...before.keys(), ...after.keys()])).sort((a, b) => most(b) - most(a));
  words.slice(0, 8).forEach((word) => {
    const p = (map) => (map.has(word) ? formatProbability(map.get(word)) : "–");
    barRow(rows, word, after.get(word) || 0, p(before) + " → " + p(after), "sn-wide");
  });
  const texts = [["With it", ablation.text_before], [name, ablation.text_after]];
  texts.filter(([, text]) => typeof text === "string" && text).forEach(([label, text]) => {
    const line = rows.parentElement.appendChild(element("p", "sn-continuation"));
    line.appendChild(element("span", "ss-label", label + " "));
    appendPieces(line.appendChild(element("bdi", "")), text);
  });
}
