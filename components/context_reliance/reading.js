// What the figure writes: text cells, the answer without the context, sentences, captions and pairs.

import { Figure } from "../figure/base.js";
import { appendAround, appendPieces, element, later, pairOf, setLook } from "../figure/widgets.js";
import { directionOf, formatProbability, formatScore, labelOf, quote, SPACE } from "../figure/words.js";
import { chosenOf, histogramOf, product, sentenceRanking, sum } from "./model.js";
import { BINS } from "./parts.js";
/** @import { Chosen, Metric, RankedSentence, RelianceKind, RelianceTable, RoleUnit } from "./types.js" */
/** @import { Emit, Whole } from "../figure/contract.js" */
/** @import { Caption, Pair } from "../figure/types.js" */

/** @extends {Figure<RelianceKind>} */
export class Reading extends Figure {
  /** @param {HTMLElement} root @param {Emit | undefined} emit @param {{ name: string, empty: string }} names */
  constructor(root, emit, names) {
    super(root, emit, names);
    /** @type {RelianceTable} */
    this.table = later();
    /** @type {HTMLElement[]} */
    this.cells = []; // of the answer
    /** @type {HTMLElement[]} */
    this.contextCells = [];
    /** @type {HTMLElement[]} */
    this.queryCells = [];
    /** @type {number | null} */
    this.hovered = null; // an index into the answer's units
    /** @type {Chosen} */
    this.flags = later(); // the words that depend on the context
    /** @type {Chosen} */
    this.cues = later(); // of what is looked at
    /** @type {RankedSentence[]} */
    this.ranking = [];
  }

  forget() {
    this.hovered = null;
  }

  /** @returns {Metric} */
  metric() {
    const { metrics } = this.model;
    return metrics.find((known) => known.name === this.settings.metric) || metrics[0];
  }

  /** Selects an answer unit. @this {Whole<RelianceKind> & Reading} @param {number} u */
  pick(u) {
    const { at } = this.table.answer[u];
    this.change({ sel: [at[0], at[at.length - 1]] });
  }

  /** @param {{ at: number[] }} unit @returns {Pair[]} */
  numbersOf(unit) {
    const metric = this.metric();
    const suffix = metric.unit ? SPACE + metric.unit : "";
    const pairs = [pairOf(metric.label, formatScore(this.table.dependence(metric, unit)) + suffix)];
    const p = (/** @type {number[]} */ list) => product(unit.at.map((c) => list[c]));
    if (this.model.with.length) pairs.push(pairOf("With the context", formatProbability(p(this.model.with))));
    if (this.model.without.length) pairs.push(pairOf("Without it", formatProbability(p(this.model.without))));
    return pairs;
  }

  /** @param {HTMLElement} host @param {RoleUnit[]} units @param {boolean} pickable @returns {HTMLElement[]} */
  fill(host, units, pickable) {
    host.textContent = "";
    host.dir = directionOf(units.filter((unit) => !unit.special).map((unit) => unit.text).join(""));
    if (pickable) {
      host.setAttribute("role", "listbox");
      host.setAttribute("aria-label", "Answer; words that depend on the context are underlined");
      host.setAttribute("aria-orientation", "horizontal");
    }
    return units.map((unit, u) => {
      const cell = element("span", "ss-cell" + (unit.special ? " ss-special" : ""));
      const outside = appendPieces(cell, unit.text);
      if (pickable) {
        cell.setAttribute("role", "option");
        cell.dataset.u = String(u);
        cell.tabIndex = u === 0 ? 0 : -1;
      }
      appendAround(host, cell, outside);
      return cell;
    });
  }

  // Beneath the answer: what the model would have written without the context, differences marked.
  writeAlternatives() {
    const { model, parts } = this;
    const note = parts.without;
    note.textContent = "";
    const spans = model.alternatives;
    note.hidden = spans.length === 0;
    if (!spans.length) return;
    note.appendChild(element("span", "ss-label sc-answer-label", "Without the context"));
    const text = note.appendChild(element("span", "sc-text sc-alternative"));
    text.dir = directionOf(spans.map((span) => span.text).join(""));
    spans.forEach((span) => {
      const piece = element(span.same ? "span" : "mark", span.same ? "sc-same" : "sc-other");
      const outside = appendPieces(piece, span.text === "" ? "∅" : span.text);
      appendAround(text, piece, outside);
    });
    const same = spans.every((span) => span.same);
    note.appendChild(element("span", "sc-same-note", same ? "The same: the context changes no word." : ""));
  }

  /** @param {number[]} shown */
  markAlternatives(shown) {
    const columns = new Set(shown.flatMap((u) => this.table.answer[u].at));
    const pieces = this.parts.without.querySelectorAll(".sc-same, .sc-other");
    this.model.alternatives.forEach((span, i) => {
      const touches = Array.from(columns).some((c) => c >= span.start && c <= span.stop);
      pieces[i].classList.toggle("sc-beneath", touches);
    });
  }

  /**
   * Cues of what is looked at: {order: chosen context units, values}.
   * @param {number[]} shown @returns {Chosen & { values: number[] }}
   */
  cuesOf(shown) {
    const { context, answer, cue } = this.table;
    const values = context.map((unit) => (unit.special ? 0 : sum(shown.map((u) => cue(unit, answer[u])))));
    return { values, ...chosenOf(values, { sigma: this.settings.cue, least: 0, top: 0 }) };
  }

  /** Every cell of text with its unit. @returns {{ unit: RoleUnit, cell: HTMLElement }[]} */
  shownUnits() {
    const { table, contextCells, queryCells, cells } = this;
    const units = [...table.context, ...table.query, ...table.answer];
    const nodes = [...contextCells, ...queryCells, ...cells];
    return units.map((unit, i) => ({ unit, cell: nodes[i] }));
  }

  /** @param {string} place @returns {{ unit: RoleUnit, cell: HTMLElement }[]} */
  shownAt(place) {
    return this.shownUnits().filter(({ unit }) => Number(place) >= unit.first && Number(place) <= unit.last);
  }

  /** @param {number[]} shown */
  paintCues(shown) {
    const cues = shown.length ? this.cuesOf(shown) : { values: this.table.context.map(() => 0), chosen: [], cut: 0, nearest: -1 };
    this.cues = cues;
    const high = Math.max(...cues.values.map(Math.abs), 1e-12);
    const place = new Map(cues.chosen.map((u, i) => [u, i + 1]));
    this.contextCells.forEach((cell, u) => {
      const value = cues.values[u];
      const part = shown.length ? Math.abs(value) / high : 0;
      const isCue = place.has(u);
      setLook(cell, (isCue ? " sc-cue" : "") + (shown.length && !isCue ? " sc-dim" : ""));
      cell.style.backgroundColor = isCue ? this.palette.shade(value, Math.max(0.25, part)) : "";
      if (isCue) cell.dataset.place = String(place.get(u));
      else delete cell.dataset.place;
      cell.title = shown.length ? formatScore(value) + (this.model.unit ? SPACE + this.model.unit : "") : "";
    });
    const text = "at least " + formatScore(cues.cut);
    this.parts.cue.show(this.settings.cue, histogramOf(cues.values, cues.cut, BINS), text);
  }

  /** @param {number[]} shown */
  paintSentences(shown) {
    const { parts, model, table } = this;
    const all = table.answer.flatMap((unit) => unit.at);
    const columns = shown.length ? shown.flatMap((u) => table.answer[u].at) : all;
    this.ranking = sentenceRanking(model, columns);
    const high = Math.max(...this.ranking.map((row) => Math.abs(row.fall)), 1e-12);
    const before = formatProbability(product(columns.map((c) => model.with[c])));
    parts.sentences.textContent = "";
    this.ranking.forEach((row) => {
      const item = parts.sentences.appendChild(element("li", "sc-sentence"));
      const text = item.appendChild(element("bdi", "sc-sentence-text"));
      appendPieces(text, row.text.trim());
      const bar = item.appendChild(element("span", "sc-sentence-bar"));
      bar.style.width = Math.round((100 * Math.max(0, row.fall)) / high) + "%";
      const fact = "Without it p goes from " + before + " to " + formatProbability(row.p) + ".";
      const weight = row.weight === null ? "" : " Weight in the sparse model: " + formatScore(row.weight) + ".";
      item.appendChild(element("span", "sc-sentence-fact", fact + weight));
    });
  }

  /** @param {{ text: string }} subject @param {number[]} shown @returns {Caption} */
  cueCaption(subject, shown) {
    if (!shown.some((u) => this.table.explained(this.table.answer[u]))) {
      return ["No cues were computed for ", quote(subject), ": only words that stood out have them."];
    }
    const names = this.cues.chosen.slice(0, 3).map((u) => this.table.context[u]);
    if (!names.length) return [quote(subject), " has no cue in the context that passes the cut."];
    /** @type {Caption} */
    const parts = [quote(subject), " depends on "];
    names.forEach((unit, i) => {
      if (i > 0) parts.push(i === names.length - 1 ? " and " : ", ");
      parts.push(quote(unit));
    });
    return [...parts, "."];
  }

  /** @param {{ text: string }} subject @returns {Caption} */
  sentenceCaption(subject) {
    const [first] = this.ranking;
    if (!first || first.fall < 0.02) return [quote(subject), " is as likely without any one of the sentences."];
    const text = { text: first.text.trim() };
    return [quote(subject), " relies most on the sentence ", quote(text, 60), "."];
  }

  /** Every dependent word with its cues, as «il» ← «mucca». @this {Whole<RelianceKind> & Reading} */
  listPairs() {
    const { table, parts, flags } = this;
    flags.chosen.slice(0, 12).forEach((u) => {
      const cues = this.cuesOf([u]);
      const item = parts.pairs.appendChild(element("li", "sc-pair"));
      const button = item.appendChild(element("button", "sc-pair-button"));
      button.type = "button";
      const cell = (/** @type {string} */ text) => "«" + labelOf(text, 24) + "»";
      button.appendChild(element("bdi", "sc-pair-word", cell(table.answer[u].text)));
      button.appendChild(document.createTextNode(" ← "));
      const without = table.explained(table.answer[u]) ? "no single word" : "not computed";
      const names = cues.chosen.slice(0, 4).map((c) => cell(table.context[c].text));
      button.appendChild(element("bdi", "", names.length ? names.join(" ") : without));
      button.addEventListener("click", () => this.pick(u));
    });
    parts.pairs.hidden = flags.chosen.length === 0;
  }
}
