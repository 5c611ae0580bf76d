// The skeleton of the figure, one sparkline for each factor, and the card of a factor.

const SHOWN_AT_FIRST = 8; // as many as there are colours that stay apart

function buildFactors(root, on) {
  root.textContent = "";
  const parts = { tip: new Tip(root) };
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
class Sparkline {
  constructor(factor, tokens) {
    this.factor = factor;
    this.tokens = tokens;
    this.node = element("div", "sn-factor");
    this.node.setAttribute("role", "option");
    this.node.tabIndex = -1;
    this.node.dataset.f = factor.i;
    this.node.classList.add("sn-hue-" + (factor.i % SHOWN_AT_FIRST));
    const head = this.node.appendChild(element("span", "sn-factor-head"));
    head.appendChild(element("span", "sn-number", String(factor.number)));
    head.appendChild(element("span", "sn-share", formatPercent(factor.share)));
    this.picture = this.node.appendChild(svgElement("svg", { class: "sn-spark", viewBox: "0 0 200 30", "aria-hidden": "true" }));
    this.picture.setAttribute("preserveAspectRatio", "none");
    const n = factor.values.length;
    this.x = (i) => (n > 1 ? (200 * i) / (n - 1) : 100);
    const y = (value) => 28 - (value === value && factor.most > 0 ? (26 * value) / factor.most : 0);
    const points = Array.from(factor.values, (value, i) => this.x(i).toFixed(1) + "," + y(value).toFixed(1)).join(" ");
    this.picture.appendChild(svgElement("polygon", { class: "sn-area", points: "0,28 " + points + " 200,28" }));
    this.picture.appendChild(svgElement("polyline", { class: "sn-line", points }));
    this.cursor = this.picture.appendChild(svgElement("line", { class: "sn-cursor", y1: 0, y2: 30, x1: 0, x2: 0 }));
    this.value = this.node.appendChild(element("span", "sn-value"));
    const peaks = peaksOf(factor, 4).map((i) => labelOf(tokens[i].text, 14));
    this.node.setAttribute("aria-label", "Factor " + factor.number + ", " + formatPercent(factor.share) + ", strongest at " + peaks.join(", "));
  }

  // token: where the cursor stands, or -1.
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
function fillCard(card, model, factor, ablate) {
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
