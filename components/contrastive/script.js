// The figure: why A rather than B, at one place of the output. mount(root, value, {emit}) is all a page needs.

import { Figure, mounting } from "../figure/base.js";
import { drawCurves } from "../figure/curves.js";
import { Flow } from "../figure/flow.js";
import { ranked, tableOf } from "../figure/scores.js";
import { appendPieces, element, fillCaption, fillPairs } from "../figure/widgets.js";
import { directionOf, formatProbability, formatScore, labelOf, quote, strongest } from "../figure/words.js";
import { readContrast, winningLayer } from "./model.js";
import { buildContrast, fillBars } from "./parts.js";
import { formatState, parseState } from "./state.js";

const NOTHING = "Nothing to show yet. Write a prompt and what it is compared with, and press Run.";

class Contrast extends Figure {
  constructor(root, emit) {
    super(root, emit, { name: "contrastive", empty: NOTHING });
    this.settings = { sel: null, unit: "word", show: "difference", lines: "p" };
    const set = (key) => (value) => this.change({ [key]: value });
    this.parts = buildContrast(root, {
      show: set("show"), unit: set("unit"), lines: set("lines"), swap: () => this.ask("swap", this.b()),
    });
    this.flow = new Flow(this.parts.flow, {
      hover: (u) => this.hover(u), pick: (u) => this.pick(u), clear: () => {},
    });
    this.follow();
  }

  load(data) {
    this.model = readContrast(data);
  }

  begin() {
    const { model } = this;
    const first = model.compared.length ? model.compared[0] : 0;
    const fresh = { sel: [first, first], unit: "word", show: "difference", lines: "p" };
    Object.assign(this.settings, fresh, parseState(model.state, model.columns));
    this.settings.sel[1] = this.settings.sel[0];
  }

  state() {
    return formatState(this.settings);
  }

  change(part) {
    const before = this.state();
    Object.assign(this.settings, part);
    this.hovered = null;
    this.parts.tip.hide();
    if ("unit" in part) this.rebuild();
    else this.paint();
    this.announce(before);
  }

  // Something that needs the server: another B, or A and B swapped. The page fills its form and runs.
  ask(what, choice) {
    if (!choice) return;
    const column = this.column();
    const texts = this.model.generated.map((i) => this.model.tokens[i]).map((token) => (token.special ? "" : token.text));
    const detail = { ask: what, column, id: choice.id, text: choice.text };
    Object.assign(detail, { before: texts.slice(0, column).join(""), written: texts.join("") });
    this.emit({ index: this.settings.sel, value: choice.text, ...detail });
  }

  column() {
    return this.settings.sel[0];
  }

  a() {
    return this.model.a[this.column()] || null;
  }

  b() {
    return this.model.b[this.column()] || null;
  }

  words() {
    return this.model.tokens;
  }

  pinned() {
    const token = this.model.generated[this.column()];
    return [token, token];
  }

  // Where A and B do not differ there is nothing to see.
  choose(first, last) {
    const column = this.model.compared.find((c) => this.model.generated[c] >= first && this.model.generated[c] <= last);
    if (column !== undefined) this.change({ sel: [column, column] });
  }

  pick(u) {
    const unit = this.table.units[u];
    if (unit.c0 < 0) return;
    const inside = this.model.compared.find((c) => c >= unit.c0 && c <= unit.c1);
    const column = inside === undefined ? unit.c0 : inside;
    this.change({ sel: [column, column] });
  }

  hover(u) {
    if (u === this.hovered || !this.model) return;
    this.hovered = u;
    const { tip } = this.parts;
    if (u === null) return tip.hide();
    const pairs = this.threeNumbers(u);
    const box = this.flow.cells[u].getClientRects()[0];
    return box && pairs.length ? tip.show(box, labelOf(this.table.units[u].text, 40), pairs, false) : tip.hide();
  }

  // Towards A, towards B and their difference, for one unit at the place that is looked at.
  threeNumbers(u) {
    const { models } = this.model;
    const names = { a: "Towards A", b: "Towards B", difference: "A against B" };
    return ["a", "b", "difference"].filter((kind) => models[kind]).flatMap((kind) => {
      const value = this.valuesOf(kind)[u];
      return value === value ? [[names[kind], formatScore(value)]] : [];
    });
  }

  // The scores of all units for the one column that is looked at: a word's later tokens play no part in it.
  valuesOf(kind) {
    const model = this.model.models[kind];
    const { units } = this.table;
    const own = this.model.generated[this.column()];
    return units.map((unit) => {
      let total = NaN;
      for (let i = unit.first; i <= unit.last; i++) {
        const score = model.scores[i * model.columns + this.column()];
        if (score === score && i !== own) total = (total === total ? total : 0) + score;
      }
      return total;
    });
  }

  rebuild() {
    const { model, parts, settings } = this;
    this.table = tableOf(model.models.difference, settings.unit);
    this.flow.build(model.models.difference, this.table, false);
    parts.unit.set(settings.unit);
    this.paint();
  }

  paint() {
    if (!this.model) return;
    const { model, settings, table, palette, parts } = this;
    parts.show.set(settings.show);
    parts.lines.set(settings.lines);
    const show = model.models[settings.show] ? settings.show : "difference";
    const values = Float64Array.from(this.valuesOf(show));
    const ranking = ranked(values, null);
    this.ranking = ranking;
    const focus = new Set([table.unitOfToken[model.generated[this.column()]]]);
    const part = (value) => (ranking.max > 0 ? Math.abs(value) / ranking.max : 0);
    // Towards B, the hue of B stands for support.
    const hue = (value) => palette.shade(show === "b" ? -value : value, part(value));
    const stops = ["source", "prompt", "generated"].map((name) => table.units.findIndex((u) => u.segment === name));
    this.flow.paint({
      ranking, part, colour: hue, solid: hue, focus, pinned: new Set(),
      dimAfter: Math.max(...focus), tabStops: [...focus, ...stops.filter((u) => u >= 0).slice(0, 2)],
    });
    this.paintHead();
    this.paintLegend(show, ranking.max);
    const choose = (choice) => this.ask("contrast", choice);
    const [a, b] = [this.a(), this.b()];
    fillBars(parts.bars, model.slot ? model.top[this.column()] || [] : [], { a: a && a.id, b: b && b.id }, choose);
    this.paintPair();
    this.read(show, ranking);
    this.paintLayers();
  }

  paintHead() {
    const { parts } = this;
    ["a", "b"].forEach((side) => {
      const choice = this[side]();
      const chip = parts[side];
      chip.textContent = "";
      chip.appendChild(element("span", "sk-letter", side.toUpperCase()));
      const word = chip.appendChild(element("bdi", "sk-chip-word"));
      if (choice) appendPieces(word, choice.text);
      else word.textContent = "–";
      if (choice && typeof choice.p === "number") {
        chip.appendChild(element("span", "sk-chip-p", formatProbability(choice.p)));
      }
    });
    const [a, b] = [this.a(), this.b()];
    const known = a && b && a.p > 0 && b.p > 0;
    parts.odds.textContent = known ? "log-odds " + formatScore(Math.log(a.p) - Math.log(b.p)) : "";
    parts.swap.disabled = !b;
  }

  paintLegend(show, max) {
    const { parts, model, palette } = this;
    const about = { difference: "Orange speaks for A, blue for B", a: "Orange towards A", b: "Blue towards B" }[show];
    const unit = model.unit ? " (" + model.unit + ")" : "";
    const ends = { low: "−" + formatScore(max), high: formatScore(max), about: about + unit };
    if (show === "b") Object.assign(ends, { low: formatScore(max), high: "−" + formatScore(max) });
    parts.legend.show(palette, true, ends);
  }

  // Minimal pair: the other prompt under the first, what differs marked.
  paintPair() {
    const { parts, model } = this;
    parts.pair.textContent = "";
    parts.pair.hidden = !model.pair;
    if (!model.pair) return;
    parts.pair.appendChild(element("div", "ss-label", String(model.pair.label || "Compared with")));
    const line = parts.pair.appendChild(element("div", "sk-pair-line"));
    line.dir = directionOf(model.pair.tokens.map((token) => token.text).join(""));
    model.pair.tokens.forEach((token) => {
      const piece = element(token.changed ? "mark" : "span", token.changed ? "sk-changed" : "");
      const outside = appendPieces(piece, String(token.text));
      if (outside.before) line.appendChild(document.createTextNode(outside.before));
      line.appendChild(piece);
      if (outside.after) line.appendChild(document.createTextNode(outside.after));
    });
  }

  read(show, ranking) {
    const { parts, model, table } = this;
    const [a, b] = [this.a(), this.b()];
    if (!a || !b) {
      this.sentence = ["Here A and B do not differ: point to another word of the output."];
    } else if (show === "difference") {
      this.sentence = [{ quote: labelOf(a.text, 24) }, " rather than ", { quote: labelOf(b.text, 24) }, ": "];
      const side = (sign) => strongest(ranking, sign).slice(0, 2).map((u) => quote(table.units[u]));
      const [forA, forB] = [side(1), side(-1)];
      const join = (list) => list.flatMap((item, i) => (i ? [" and ", item] : [item]));
      if (forA.length) this.sentence.push(...join(forA), forA.length > 1 ? " speak for A" : " speaks for A");
      if (forB.length) {
        this.sentence.push(forA.length ? ", " : "", ...join(forB), forB.length > 1 ? " speak for B" : " speaks for B");
      }
      if (!forA.length && !forB.length) this.sentence.push("no word tells them apart");
      this.sentence.push(".");
    } else {
      const [best] = strongest(ranking, 1);
      const word = { quote: labelOf((show === "a" ? a : b).text, 24) };
      this.sentence = best === undefined ? ["No word speaks for ", word, "."]
        : [quote(table.units[best]), " speaks most for ", word, "."];
    }
    const sum = (kind) => this.valuesOf(kind).reduce((total, v) => total + (v === v ? v : 0), 0);
    const pairs = model.models.a && model.models.b
      ? [["Sum towards A", formatScore(sum("a"))], ["Sum towards B", formatScore(sum("b"))]] : [];
    pairs.push(["Sum of the difference", formatScore(sum("difference"))]);
    fillPairs(parts.details, pairs);
    fillCaption(parts.caption, this.sentence);
  }

  paintLayers() {
    const { parts, model, settings } = this;
    const { layers } = model;
    parts.layers.hidden = !layers || !this.b();
    if (parts.layers.hidden) return;
    const column = this.column();
    const values = { a: [], b: [] };
    layers.labels.forEach((_, layer) => {
      ["a", "b"].forEach((side) => values[side].push(layers[settings.lines][side](layer, column)));
    });
    const won = winningLayer(layers, column);
    const sentence = won < 0 ? "After the last layer B is ahead."
      : won === 0 ? "A is ahead from the first layer on." : "A is ahead for good from layer " + layers.labels[won] + " on.";
    parts.lineText.textContent = sentence;
    const curves = ["a", "b"].map((side) => ({ label: this[side]().text, values: values[side] }));
    drawCurves(parts.chart, { names: layers.labels, curves, rank: settings.lines === "rank", axis: "Layer", at: won });
  }

  // ---- notes: see Pins

  placeOf(node) {
    const cell = node.closest(".ss-cell");
    return cell && cell.dataset.u !== undefined ? String(this.table.units[Number(cell.dataset.u)].first) : null;
  }

  pinPlace() {
    return String(this.model.generated[this.column()]);
  }

  titleOf(place) {
    return labelOf(this.table.units[this.table.unitOfToken[Number(place)]].text, 24);
  }

  nodesOf(place) {
    const cell = this.flow.cells[this.table.unitOfToken[Number(place)]];
    return cell ? [cell] : [];
  }

  visit(place) {
    this.pick(this.table.unitOfToken[Number(place)]);
  }

  destroy() {
    clearTimeout(this.flow.leaving);
    super.destroy();
  }
}

export const mount = mounting(Contrast);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
