// What the figure says about A and B: chips, numbers, legend, caption, the other prompt, the two through the layers.

import { Figure } from "../figure/base.js";
import { drawCurves } from "../figure/curves.js";
import { appendAround, appendPieces, element, fillCaption, fillPairs, later, pairOf } from "../figure/widgets.js";
import { directionOf, formatProbability, formatScore, labelOf, quote, strongest } from "../figure/words.js";
import { winningLayer } from "./model.js";
import { SHOWN_KINDS } from "./state.js";
/** @import { ContrastChoice, ContrastKind, ShownKind, Side } from "./types.js" */
/** @import { Emit } from "../figure/contract.js" */
/** @import { Caption, Pair, Ranking, Table } from "../figure/types.js" */

/** @type {Side[]} */
const SIDES = ["a", "b"];
/** @type {Record<ShownKind, string>} */
const SHOWN_NAMES = { a: "Towards A", b: "Towards B", difference: "A against B" };

/** Contrast builds on it and keeps the selection. @extends {Figure<ContrastKind>} */
export class ContrastReading extends Figure {
  /** @param {HTMLElement} root @param {Emit | undefined} emit @param {{ name: string, empty: string }} names */
  constructor(root, emit, names) {
    super(root, emit, names);
    /** @type {Table} */
    this.table = later();
    /** @type {number | null} */
    this.hovered = null; // a unit of the text
  }

  forget() {
    this.hovered = null;
  }

  /** @returns {number} */
  column() {
    return this.settings.sel[0];
  }

  /** @returns {ContrastChoice | null} */
  a() {
    return this.model.a[this.column()] || null;
  }

  /** @returns {ContrastChoice | null} */
  b() {
    return this.model.b[this.column()] || null;
  }

  /**
   * Towards A, towards B and their difference, for one unit at the place that is looked at.
   * @param {number} u @returns {Pair[]}
   */
  threeNumbers(u) {
    const { models } = this.model;
    return SHOWN_KINDS.filter((kind) => models[kind]).flatMap((kind) => {
      const value = this.valuesOf(kind)[u];
      return value === value ? [pairOf(SHOWN_NAMES[kind], formatScore(value))] : [];
    });
  }

  /**
   * The scores of all units for the one column that is looked at: a word's later tokens play no part in it.
   * @param {ShownKind} kind @returns {number[]}
   */
  valuesOf(kind) {
    const model = this.model.models[kind] || this.model.models.difference;
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

  paintHead() {
    const { parts } = this;
    SIDES.forEach((side) => {
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
    parts.odds.textContent = a && b && a.p > 0 && b.p > 0 ? "log-odds " + formatScore(Math.log(a.p) - Math.log(b.p)) : "";
    parts.swap.disabled = !b;
  }

  /** @param {ShownKind} show @param {number} max */
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
      appendAround(line, piece, outside);
    });
  }

  /** @param {ShownKind} show @param {Ranking} ranking */
  read(show, ranking) {
    const { parts, model, table } = this;
    const [a, b] = [this.a(), this.b()];
    if (!a || !b) {
      this.sentence = ["Here A and B do not differ: point to another word of the output."];
    } else if (show === "difference") {
      this.sentence = [{ quote: labelOf(a.text, 24) }, " rather than ", { quote: labelOf(b.text, 24) }, ": "];
      const side = (/** @type {number} */ sign) => strongest(ranking, sign).slice(0, 2).map((u) => quote(table.units[u]));
      const [forA, forB] = [side(1), side(-1)];
      const join = (/** @type {Caption} */ list) => list.flatMap((item, i) => (i ? [" and ", item] : [item]));
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
    const sum = (/** @type {ShownKind} */ kind) => this.valuesOf(kind).reduce((total, v) => total + (v === v ? v : 0), 0);
    const pairs = model.models.a && model.models.b
      ? [pairOf("Sum towards A", formatScore(sum("a"))), pairOf("Sum towards B", formatScore(sum("b")))] : [];
    pairs.push(pairOf("Sum of the difference", formatScore(sum("difference"))));
    fillPairs(parts.details, pairs);
    fillCaption(parts.caption, this.sentence);
  }

  paintLayers() {
    const { parts, model, settings } = this;
    const { layers } = model;
    parts.layers.hidden = !layers || !this.b();
    if (!layers || parts.layers.hidden) return;
    const column = this.column();
    const won = winningLayer(layers, column);
    const sentence = won < 0 ? "After the last layer B is ahead."
      : won === 0 ? "A is ahead from the first layer on." : "A is ahead for good from layer " + layers.labels[won] + " on.";
    parts.lineText.textContent = sentence;
    const read = layers[settings.lines];
    const curves = SIDES.map((side) => ({
      label: (this[side]() || { text: "" }).text,
      values: layers.labels.map((_, layer) => read[side](layer, column)),
    }));
    drawCurves(parts.chart, { names: layers.labels, curves, rank: settings.lines === "rank", axis: "Layer", at: won });
  }
}
