// What a figure says about what it shows: caption, details, legends, tip, agreement. Heatmap builds on it and keeps the
// state: model, panes, table, parts, settings, palette, hovered and pointed.

import { Figure } from "../figure/base.js";
import { fillCaption, fillPairs, later, pairOf } from "../figure/widgets.js";
import { formatPercent, formatScore, labelOf, plainText, quote, SPACE } from "../figure/words.js";
import { fillAgreement } from "./agreement.js";
import { backwardCaption, forwardCaption, probabilityCaption, stepCaption, stepDetails } from "./captions.js";
import { fillOthers, othersText } from "./others.js";
import { rankAgreement } from "./planes.js";
import { forward, targetsOfColumns } from "./rankings.js";
import { curveOf } from "./steps.js";
/** @import { Emit } from "../figure/contract.js" */
/** @import { Other, Ranking, ScoreModel, Span, Table, Token } from "../figure/types.js" */
/** @import { Pane } from "./pane.js" */
/** @import { HeatmapKind, Hovered, StepValues, Subject, Target } from "./types.js" */

const UNPINNED = "Nothing is selected: point at a word, or tap it.";

/** A pane's ranking while something is selected. @param {Pane} pane @returns {Ranking} */
const rankingOf = (pane) => /** @type {Ranking} */ (pane.ranking);

/** @extends {Figure<HeatmapKind>} */
export class Reader extends Figure {
  /** @param {HTMLElement} root @param {Emit | undefined} emit @param {{ name: string, empty: string }} names */
  constructor(root, emit, names) {
    super(root, emit, names);
    this.asks = Boolean(emit); // whether there is somebody to ask
    /** @type {Pane[]} */
    this.panes = [];
    /** @type {Table} */
    this.table = later();
    /** @type {Hovered | null} */
    this.hovered = null;
    /** @type {Pane | null} */
    this.pointed = null; // the pane it is in
    /** @type {{ model: ScoreModel, sel: Span | null } | null} */
    this.told = null; // whose alternatives are listed
    /** @type {(number | null)[][] | null} */
    this.whole = null; // the agreement of every two methods over the whole output
    this.ranked = true; // whether it is told
  }

  forget() {
    this.hovered = null;
  }

  /**
   * What the picture is about now: {source: unit} or {c0, c1}, or null.
   * @param {boolean} pinnedOnly @returns {Subject | null}
   */
  subject(pinnedOnly) {
    const { table, settings } = this;
    const at = pinnedOnly ? null : this.hovered;
    if (at) {
      const u = "u" in at ? at.u : Number(at.column === null ? at.row : at.column);
      const c = table.targetOfUnit[u];
      return c < 0 ? { source: u } : { c0: c, c1: c };
    }
    if (settings.in !== null) return { source: table.unitOfToken[settings.in] };
    const span = targetsOfColumns(table, settings.sel);
    return span && { c0: span[0], c1: span[1] };
  }

  /** @returns {Token[]} */
  words() {
    return this.model.tokens;
  }

  /** @returns {Span | null} */
  pinned() {
    const { sel, in: input } = this.settings;
    const { generated } = this.model;
    if (sel) return [generated[sel[0]], generated[sel[1]]];
    return input === null ? null : [input, input];
  }

  /**
   * The step score drawn under the words; null for none. Without a choice it is the first, the probability.
   * @returns {StepValues | null}
   */
  curve() {
    const { model, settings } = this;
    const known = Object.keys(model.steps).filter((name) => curveOf(model, name));
    if (settings.curve === "none" || !known.length) return null;
    return curveOf(model, known.find((name) => name.replace(/_/g, "-") === settings.curve) || known[0]);
  }

  /** @returns {string} */
  curveName() {
    const curve = this.curve();
    return curve ? curve.name : "";
  }

  /**
   * The units of a subject's span as one, for captions.
   * @param {{ c0: number, c1: number }} subject @returns {Target}
   */
  spanUnit(subject) {
    const { table } = this;
    const units = table.targets.slice(subject.c0, subject.c1 + 1).map((u) => table.units[u]);
    const text = units.map((unit) => unit.text).join("");
    return { text, c0: units[0].c0, c1: units[units.length - 1].c1 };
  }

  /** @param {StepValues | null} curve */
  showCurve(curve) {
    const { parts, model } = this;
    parts.curve.node.hidden = Object.keys(model.steps).length === 0;
    parts.curve.set(curve ? curve.name.replace(/_/g, "-") : "none");
    const unit = curve ? String((model.stepLabels[curve.name] || {}).unit || "") : "";
    const ends = curve ? formatScore(curve.low) + " to " + formatScore(curve.high) : "";
    parts.curve.note.textContent = curve && curve.name !== "probability" && unit ? ends + SPACE + unit : ends;
  }

  /** The caption and what stands with it. @param {Subject | null} subject */
  tell(subject) {
    const { model, table, parts, panes } = this;
    const { model: shown } = panes[0];
    const several = panes.length > 1;
    const target = subject && !("source" in subject) ? this.spanUnit(subject) : null;
    const source = table.units[subject && "source" in subject ? subject.source : 0];
    if (!subject) {
      this.sentence = [model.columns ? UNPINNED : "The model wrote nothing, so there is nothing to explain."];
    } else if (several) {
      this.sentence = target ? probabilityCaption(model, target) : ["What each method says of ", quote(source), "."];
    } else if (target) {
      const ranked = rankingOf(panes[0]);
      const name = this.curveName();
      const said = [...probabilityCaption(model, target), ...stepCaption(model, target, name)];
      this.sentence = [...forwardCaption(shown, table, ranked, target), ...said];
    } else {
      this.sentence = backwardCaption(shown, table, rankingOf(panes[0]), source);
    }
    fillPairs(parts.details, target ? stepDetails(model, target, this.curveName()) : []);
    fillCaption(parts.caption, this.sentence);
    this.tellOthers();
    panes.forEach((pane) => {
      const own = !subject ? [] : target ? forwardCaption(pane.model, table, rankingOf(pane), target)
        : backwardCaption(pane.model, table, rankingOf(pane), source);
      if (pane.beside) fillCaption(pane.beside.reading, own);
      pane.matrix.describe("Matrix of scores. " + plainText(several ? own : this.sentence));
    });
    if (several && this.ranked) this.compare(subject, target);
    else parts.agreement.hidden = true;
  }

  // The pinned token's alternatives. Left alone while the pointer wanders: the focus may be on one of them.
  tellOthers() {
    const { model, settings, parts } = this;
    const column = settings.sel ? settings.sel[0] : -1;
    if (this.told && this.told.model === model && this.told.sel === settings.sel) return;
    this.told = { model, sel: settings.sel };
    const place = settings.sel && settings.sel[1] > column ? model.tokens[model.generated[column]] : null;
    const ask = this.asks ? (/** @type {Other} */ other) => this.whyNot(column, other) : null;
    fillOthers(parts.others, model.others[column] || [], place, ask);
  }

  /**
   * Takes the visitor to the contrast of what was written with this word, from here on.
   * @param {number} column @param {Other} other
   */
  whyNot(column, other) {
    const read = (/** @type {{ text: string, special?: boolean }} */ token) => (token.special ? "" : token.text);
    const texts = this.model.generated.map((i) => read(this.model.tokens[i]));
    const outputs = { before: texts.slice(0, column).join(""), written: texts.join("") };
    this.emit({ ask: "why_not", column, id: other.id, text: read(other), value: other.text, ...outputs });
  }

  /** @param {Subject | null} subject @param {Target | null} target */
  compare(subject, target) {
    const { panes, whole, table, parts } = this;
    const here = (/** @type {number} */ i, /** @type {number} */ j) => {
      const signed = panes[i].model.signed && panes[j].model.signed;
      return rankAgreement(rankingOf(panes[i]), rankingOf(panes[j]), signed);
    };
    const known = (/** @type {number} */ i, /** @type {number} */ j) => {
      const value = whole ? whole[i][j] : null;
      return value === null ? NaN : value;
    };
    const name = subject && quote(target || table.units["source" in subject ? subject.source : 0]);
    fillAgreement(parts.agreement, panes.map((pane) => pane.model.method), { subject: name, here, whole: known });
  }

  /** @param {Pane} pane @param {number} domain */
  showLegend(pane, domain) {
    const { settings, palette } = this;
    const { model, table } = pane;
    const perColumn = settings.view === "matrix" && settings.range === "token" && !model.scale;
    const top = settings.view === "matrix" && !model.scale ? table.max : domain;
    const high = perColumn ? "strongest of the column" : formatScore(top);
    const many = settings.unit === "token" || pane.several ? "" : " · a " + settings.unit + " is the sum of its tokens";
    const unit = model.unit ? " (" + model.unit + ")" : "";
    const low = model.signed ? (perColumn ? "against" : "−" + high) : "0";
    (pane.beside ? pane.beside.legend : this.parts.legend).show(palette, model.signed, { low, high, about: "Score" + unit + many + (model.scale ? " · common scale" : "") });
  }

  showTip() {
    const { hovered, model, parts } = this;
    const { tip } = parts;
    const cell = hovered && !("u" in hovered) ? hovered : null;
    if (!hovered || (cell && (cell.row === null || cell.column === null))) return tip.hide();
    const pane = this.pointed || this.panes[0];
    const { table } = pane;
    const inText = "u" in hovered;
    const u = inText ? hovered.u : Number(hovered.row);
    const unit = table.units[u];
    const column = inText ? -1 : table.targetOfUnit[Number(hovered.column)];
    const against = inText ? this.subject(true) : { c0: column, c1: column };
    const pairs = inText && unit.c0 >= 0 ? stepDetails(model, unit, this.curveName()) : [];
    if (against && !("source" in against)) {
      const ranking = forward(table, against.c0, against.c1);
      if (ranking.rank.has(u)) {
        const to = "‘" + labelOf(this.spanUnit(against).text, 20) + "’";
        pairs.push(pairOf("Score for " + to, formatScore(ranking.values[u])));
        pairs.push(pairOf("Share", formatPercent(ranking.shares[u])));
        pairs.push(pairOf("Rank", ranking.rank.get(u) + " of " + ranking.order.length));
      }
    }
    const others = inText && unit.c0 >= 0 && unit.c0 === unit.c1 ? model.others[unit.c0] || [] : [];
    if (others.length) pairs.push(pairOf("Or else", othersText(others)));
    if (unit.first === unit.last) pairs.push(pairOf("Token id", String(model.tokens[unit.first].id)));
    const box = pane.boxOf(hovered);
    return box ? tip.show(box, labelOf(unit.text, 40), pairs, !inText) : tip.hide();
  }
}
