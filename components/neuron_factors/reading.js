// What the figure says about factors and tokens: the text, the caption, a tip, the card of what is pinned.

import { Figure } from "../figure/base.js";
import { appendAround, appendPieces, element, fillCaption, fillPairs, pairOf } from "../figure/widgets.js";
import { directionOf, formatPercent, formatProbability, formatScore, labelOf } from "../figure/words.js";
import { fillCard } from "./card.js";
import { peaksOf, strongestFactor } from "./model.js";
/** @import { Emit } from "../figure/contract.js" */
/** @import { Pair } from "../figure/types.js" */
/** @import { Sparkline } from "./parts.js" */
/** @import { Factor, FactorsKind, Over } from "./types.js" */

/** Factors builds on it and keeps the selection. @extends {Figure<FactorsKind>} */
export class FactorsReading extends Figure {
  /** @param {HTMLElement} root @param {Emit | undefined} emit @param {{ name: string, empty: string }} names */
  constructor(root, emit, names) {
    super(root, emit, names);
    this.asks = Boolean(emit); // whether there is somebody to ask
    /** @type {Over | null} */
    this.over = null; // what is under the pointer
    /** @type {Factor | null | undefined} */
    this.carded = undefined; // whose card is drawn
    /** @type {Sparkline[]} */
    this.lines = [];
    /** @type {HTMLElement[]} */
    this.cells = []; // one for each token; tokens of one character share theirs
  }

  forget() {
    this.over = null;
  }

  fillText() {
    const { model, parts } = this;
    const host = parts.text;
    host.textContent = "";
    host.classList.toggle("ss-long", model.tokens.length > 60);
    this.cells = [];
    let line = host;
    let segment = "";
    model.tokens.forEach((token, i) => {
      const part = token.segment === "source" ? "source" : "output";
      if (part !== segment) {
        segment = part;
        line = host.appendChild(element("div", "ss-line"));
        line.setAttribute("role", "listbox");
        line.setAttribute("aria-label", part === "source" ? "Source tokens" : "Tokens");
        line.dir = directionOf(model.tokens.filter((t) => (t.segment === "source") === (part === "source")).map((t) => t.text).join(""));
      }
      if (i > 0 && model.cells[i] === model.cells[i - 1]) return this.cells.push(this.cells[i - 1]);
      const cell = element("span", "ss-cell" + (token.special ? " ss-special" : "") + (token.segment === "generated" ? " sn-written" : ""));
      cell.setAttribute("role", "option");
      cell.setAttribute("aria-selected", "false");
      cell.dataset.t = String(i);
      cell.tabIndex = i === 0 ? 0 : -1;
      appendAround(line, cell, appendPieces(cell, token.text));
      return this.cells.push(cell);
    });
  }

  /**
   * Made anew for another factor only: a button must stay where it is while the pointer moves over the figure.
   * @param {Factor | null} factor
   */
  fillCard(factor) {
    if (this.carded === factor) return;
    this.carded = factor;
    const ask = () => factor && this.emit({ ask: "ablate", factor: factor.number, index: factor.i, value: "factor " + factor.number });
    fillCard(this.parts.card, this.model, factor, this.asks ? ask : null);
  }

  /** @param {number | null} factor @param {number | null} token */
  read(factor, token) {
    const { model, parts } = this;
    if (factor !== null && factor !== undefined) {
      const known = model.factors[factor];
      const texts = peaksOf(known, 12).map((i) => labelOf(model.tokens[i].text, 20));
      const peaks = Array.from(new Set(texts)).slice(0, 3).map((quote) => ({ quote }));
      this.sentence = ["Factor " + known.number + " is most active at "];
      peaks.forEach((peak, i) => this.sentence.push(...(i ? [i === peaks.length - 1 ? " and " : ", "] : []), peak));
      this.sentence.push("; it holds " + formatPercent(known.share) + " of the activation.");
      fillPairs(parts.details, token === null ? [] : this.told(token));
    } else if (token !== null) {
      const best = strongestFactor(model, token);
      const name = { quote: labelOf(model.tokens[token].text, 24) };
      this.sentence = best < 0 ? ["No factor is active at ", name, "."]
        : ["Factor " + model.factors[best].number + " is the strongest at ", name, "."];
      fillPairs(parts.details, this.told(token));
    } else {
      this.sentence = ["Point at a factor or a token, or tap it. A click on a factor opens what is known of it."];
      fillPairs(parts.details, []);
    }
    fillCaption(parts.caption, this.sentence);
  }

  /**
   * The factors at a token, and what became of its probability without the factor whose card is open.
   * @param {number} token @returns {Pair[]}
   */
  told(token) {
    const { model, settings } = this;
    const open = settings.factor === null ? null : model.factors[settings.factor].ablation;
    const [before, after] = [model.written, open && open.written].map((row) => (row ? row[token] : null));
    if (typeof before !== "number" || typeof after !== "number") return this.bars(token);
    const name = open && open.scale ? "Probability, as it is and changed" : "Probability, with and without factor " + (open ? open.factor : "");
    return [...this.bars(token), pairOf(name, formatProbability(before) + " → " + formatProbability(after))];
  }

  /** @param {number} token @returns {Pair[]} */
  bars(token) {
    return this.model.factors
      .filter((factor) => factor.values[token] > 0.02 * factor.most)
      .sort((a, b) => b.values[token] / b.most - a.values[token] / a.most)
      .slice(0, 6)
      .map((factor) => pairOf("Factor " + factor.number, formatScore(factor.values[token])));
  }

  showTip() {
    const { over, parts, model } = this;
    if (!over || !("token" in over)) return parts.tip.hide();
    const box = this.cells[over.token].getClientRects()[0];
    const pairs = this.bars(over.token);
    if (box && pairs.length) parts.tip.show(box, labelOf(model.tokens[over.token].text, 40), pairs, false);
    else parts.tip.hide();
  }
}
