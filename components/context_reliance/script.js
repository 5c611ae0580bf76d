// The figure: which answer words depend on the context, and on which of its words. mount(root, value) is all.

import { mounting, tokenName } from "../figure/base.js";
import { byKeyboard, cellAround, closest, element, fillCaption, fillPairs, setLook } from "../figure/widgets.js";
import { formatScore, labelOf, quote, SPACE } from "../figure/words.js";
import { chosenOf, histogramOf, readPayload, tableOf } from "./model.js";
import { BINS, buildParts } from "./parts.js";
import { Reading } from "./reading.js";
import { formatState, parseState } from "./state.js";
/** @import { RelianceKind, RelianceSettings, RelianceValue } from "./types.js" */
/** @import { Contract, Emit, Mount } from "../figure/contract.js" */
/** @import { Span, Token } from "../figure/types.js" */

const EMPTY = "Nothing to show yet. Write a context and a question, and press Run.";

/** @implements {Contract<RelianceKind>} */
class Reliance extends Reading {
  /** @param {HTMLElement} root @param {Emit} [emit] */
  constructor(root, emit) {
    super(root, emit, { name: "context reliance", empty: EMPTY });
    /** @type {RelianceSettings} */
    this.settings = { pins: [], sel: null, metric: "", unit: "word", view: "words", sigma: 1, cue: 1, top: 0, least: 0 };
    this.anyway = false; // whether what does not pass the cut is shown
    this.cutText = "";
    const set = (/** @type {keyof RelianceSettings} */ key) => (/** @type {string | number} */ value) =>
      this.change({ [key]: value });
    this.parts = buildParts(root, {
      metric: set("metric"), view: set("view"), unit: set("unit"), sigma: set("sigma"), cue: set("cue"),
      anyway: () => this.showAnyway(),
    });
    this.listen(this.parts.answer);
    this.parts.stage.addEventListener("click", (event) => {
      if (!closest(event, ".ss-cell, li, button")) this.change({ sel: null });
    });
    this.onEscape(() => {
      if (this.settings.sel) this.change({ sel: null });
    });
    this.follow();
  }

  /** One listener for all cells of the answer. @param {HTMLElement} host */
  listen(host) {
    const cellOf = (/** @type {Event} */ event) => {
      const cell = closest(event, ".ss-cell");
      return cell && host.contains(cell) ? Number(cell.dataset.u) : null;
    };
    host.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.hover(cellOf(event));
    });
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("focusin", (event) => {
      if (byKeyboard(event)) this.hover(cellOf(event));
    });
    host.addEventListener("focusout", () => this.hover(null));
    host.addEventListener("click", (event) => {
      const u = cellOf(event);
      if (u !== null) this.pick(u);
    });
    host.addEventListener("keydown", (event) => {
      const u = cellOf(event);
      if (u === null || event.ctrlKey || event.metaKey || event.altKey) return;
      const last = this.cells.length - 1;
      /** @type {Record<string, number | undefined>} */
      const leads = { ArrowLeft: u - 1, ArrowRight: u + 1, Home: 0, End: last, Enter: u, " ": u };
      const next = leads[event.key];
      if (next === undefined || next < 0 || next > last) return;
      event.preventDefault();
      this.cells[next].focus();
      this.pick(next);
    });
  }

  /** @param {RelianceValue} data */
  load(data) {
    this.model = readPayload(data);
  }

  begin() {
    this.anyway = false;
    const { model, parts } = this;
    const names = model.metrics.map((metric) => metric.name);
    const { sigma, cue, top, least, metric } = model.defaults;
    const first = metric && names.includes(metric) ? metric : names[0];
    /** @type {Partial<RelianceSettings>} */
    const fresh = { sel: null, metric: first, unit: "word", view: "words", sigma, cue, top, least };
    Object.assign(this.settings, fresh, parseState(model.state, model.generated.length, names));
    parts.metric.textContent = "";
    model.metrics.forEach((known) => {
      const option = parts.metric.appendChild(element("option", "", known.label));
      option.value = known.name;
    });
    parts.view.node.hidden = !model.sentences;
    if (!model.sentences) this.settings.view = "words";
  }

  /** @returns {string} */
  state() {
    return formatState(this.settings);
  }

  /** @param {Partial<RelianceSettings>} part */
  change(part) {
    const before = this.state();
    const { unit, view } = this.settings;
    const rebuild = (part.unit && part.unit !== unit) || (part.view && part.view !== view);
    if (part.metric) this.settings.least = this.leastOf(part.metric);
    Object.assign(this.settings, part);
    this.hovered = null;
    if (!("sel" in part)) this.anyway = false;
    this.parts.tip.hide();
    if (rebuild) this.rebuild();
    else this.paint();
    const { sel } = this.settings;
    if (!this.announce(before) || !("sel" in part) || !sel) return;
    clearTimeout(this.telling);
    const value = this.model.generated.slice(sel[0], sel[1] + 1).map((i) => this.model.tokens[i].text).join("");
    this.tellPython(sel, value);
  }

  /** @param {Element} node @returns {string | null} */
  placeOf(node) {
    const cell = cellAround(node);
    const found = this.shownUnits().find((shown) => shown.cell === cell);
    return found ? String(found.unit.first) : null;
  }

  /** @returns {string | null} */
  pinPlace() {
    const { sel } = this.settings;
    return sel ? String(this.model.generated[sel[0]]) : null;
  }

  /** @param {string} place @returns {string | null} */
  nameOf(place) {
    return tokenName(this.model.tokens, place);
  }

  /** @param {string} place @returns {string | null} */
  titleOf(place) {
    const [found] = this.shownAt(place);
    return found ? labelOf(found.unit.text, 24) : this.nameOf(place);
  }

  /** @param {string} place @returns {HTMLElement[]} */
  nodesOf(place) {
    return this.shownAt(place).map(({ cell }) => cell);
  }

  /** @param {string} place */
  visit(place) {
    const column = this.model.generated.indexOf(Number(place));
    if (column >= 0) this.pick(this.table.answer.findIndex((unit) => unit.at.includes(column)));
  }

  /** @param {string} name @returns {number} */
  leastOf(name) {
    const metric = this.model.metrics.find((known) => known.name === name);
    return metric && typeof metric.least === "number" ? metric.least : 0;
  }

  /** @returns {Token[]} */
  words() {
    return this.model.tokens;
  }

  /** @returns {Span | null} */
  pinned() {
    const { sel } = this.settings;
    return sel && [this.model.generated[sel[0]], this.model.generated[sel[1]]];
  }

  /** @param {number} first @param {number} last */
  choose(first, last) {
    const { generated } = this.model;
    /** @type {Span} */
    const columns = [generated.indexOf(first), generated.indexOf(last)];
    if (columns[0] >= 0) this.change({ sel: columns });
  }

  /** @param {number | null} u */
  hover(u) {
    if (!this.model || u === this.hovered) return;
    this.hovered = u;
    this.paint();
    if (u === null) return this.parts.tip.hide();
    const unit = this.table.answer[u];
    const box = this.cells[u].getClientRects()[0];
    if (box) this.parts.tip.show(box, labelOf(unit.text, 40), this.numbersOf(unit), false);
  }

  showAnyway() {
    this.anyway = true;
    if (this.flags.nearest >= 0) this.pick(this.flags.nearest);
  }

  rebuild() {
    const { model, parts, settings } = this;
    this.table = tableOf(model, settings.unit);
    parts.view.set(settings.view);
    parts.unit.set(settings.unit);
    const sentences = settings.view === "sentences";
    parts.context.hidden = sentences;
    parts.sentences.hidden = !sentences;
    parts.cue.node.hidden = sentences;
    this.contextCells = this.fill(parts.context, this.table.context, false);
    this.queryCells = this.fill(parts.query, this.table.query, false);
    this.cells = this.fill(parts.answer, this.table.answer, true);
    this.writeAlternatives();
    this.paint();
  }

  /** What is looked at: the hovered unit, else the units the pinned columns touch, else none. @returns {number[]} */
  subject() {
    const { answer } = this.table;
    if (this.hovered !== null) return [this.hovered];
    const { sel } = this.settings;
    if (!sel) return [];
    return answer.map((_, u) => u).filter((u) => answer[u].at.some((c) => c >= sel[0] && c <= sel[1]));
  }

  paint() {
    if (!this.model) return;
    const { settings, table, model } = this;
    const metric = this.metric();
    const values = table.answer.map((unit) => (unit.special ? 0 : table.dependence(metric, unit)));
    this.flags = chosenOf(values, settings);
    this.cutText = formatScore(this.flags.cut) + (metric.unit ? SPACE + metric.unit : "");
    const flagged = new Set(this.flags.chosen);
    const high = Math.max(...values.map(Math.abs), 1e-12);
    const subject = this.subject();
    const shown = subject.length ? subject : this.flags.chosen.slice(0, 1);
    this.cells.forEach((cell, u) => {
      const pinned = settings.sel && subject.includes(u) && this.hovered === null;
      const look = (flagged.has(u) ? " sc-flagged" : "") + (shown.includes(u) ? " sc-looked" : "");
      setLook(cell, look + (pinned ? " ss-pinned" : ""));
      cell.style.setProperty("--sc-part", (Math.abs(values[u]) / high).toFixed(3));
      cell.setAttribute("aria-selected", pinned ? "true" : "false");
    });
    this.parts.metric.value = settings.metric;
    const cutLabel = "at least " + this.cutText;
    this.parts.sigma.show(settings.sigma, histogramOf(values, this.flags.cut, BINS), cutLabel);
    if (settings.view === "sentences") this.paintSentences(shown);
    else this.paintCues(shown);
    this.read(shown, values);
    if (model.alternatives.length) this.markAlternatives(shown);
  }

  /** @param {number[]} shown @param {number[]} values */
  read(shown, values) {
    const { table, parts, flags, settings } = this;
    const none = flags.chosen.length === 0;
    parts.anyway.hidden = !none || flags.nearest < 0 || shown.length > 0;
    parts.pairs.textContent = "";
    if (none && !shown.length) {
      this.sentence = ["No word of the answer depends on the context enough to pass the cut."];
      if (flags.nearest >= 0) {
        const unit = table.answer[flags.nearest];
        const miss = formatScore(values[flags.nearest]);
        this.sentence.push(" The nearest is ", quote(unit), " with " + miss + "; the cut is at " + this.cutText + ".");
      }
      fillPairs(parts.details, []);
    } else {
      const units = shown.map((u) => table.answer[u]);
      const subject = { text: units.map((unit) => unit.text).join("") };
      this.sentence = settings.view === "sentences" ? this.sentenceCaption(subject) : this.cueCaption(subject, shown);
      if (none) this.sentence.push(" It does not pass the cut.");
      fillPairs(parts.details, this.numbersOf({ at: units.flatMap((unit) => unit.at) }));
    }
    fillCaption(parts.caption, this.sentence);
    if (settings.view === "words") this.listPairs();
  }

}

/** @type {Mount<RelianceValue>} */
export const mount = mounting(Reliance);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
