// The figure: what is selected, what is pointed at, and how the parts follow. mount(root, value) is all a page needs.

import { mounting, tokenName } from "../figure/base.js";
import { readPayload } from "../figure/scores.js";
import { inLink } from "../figure/state.js";
import { cellAround, pairOf } from "../figure/widgets.js";
import { labelOf } from "../figure/words.js";
import { fillBadges } from "./badges.js";
import { Pane } from "./pane.js";
import { buildParts } from "./parts.js";
import { planesOf, slicesOf, withScores } from "./planes.js";
import { Reader } from "./reading.js";
import { formatState, parseState } from "./state.js";
import { curveOf } from "./steps.js";
/** @import { Contract, Emit, Mount } from "../figure/contract.js" */
/** @import { FlowHandlers, GridHandlers, ScoreModel, Span, Unit } from "../figure/types.js" */
/** @import { HeatmapKind, HeatmapSettings, HeatmapValue, Hovered, Slice, ViewKind } from "./types.js" */

const EMPTY = "Nothing to show yet. Write a prompt and press Run.";

/** @type {Record<ViewKind, string>} */
const HINT = {
  flow: "Bold is what the model wrote. Point at a bold word, or tap it, to see what it relies on.",
  percent: "How much each part of the text weighs for the selected word. Point at another bold word, or tap it.",
  matrix: "A column for each thing the model wrote, a row for each it may rely on. Point or tap to read a cell.",
};

/** What makes cells anew. @type {("unit" | "view" | "curve" | "part")[]} */
const REBUILDING = ["unit", "view", "curve", "part"];

/** @param {Slice} slice @param {number} k @returns {[string, string, string]} */
const partChoice = (slice, k) => [String(k), slice.label, slice.group];

/** @implements {Contract<HeatmapKind>} */
class Heatmap extends Reader {
  /** @param {HTMLElement} root @param {Emit} [emit] */
  constructor(root, emit) {
    super(root, emit, { name: "token heatmap", empty: EMPTY }); // hovered is {u} in the text, {row, column} in the matrix
    /** @type {HeatmapSettings} */
    this.settings = { pins: [], unit: "word", range: "token", view: "flow", curve: null, part: null, sel: null, in: null };
    this.anchor = 0; // the column that a span grows from
    this.width = 0;
    /** @type {ScoreModel[]} */
    this.planes = [];
    /** @type {Slice[]} */
    this.slices = [];
    const set = (/** @type {keyof HeatmapSettings} */ key) => (/** @type {string} */ value) => this.change({ [key]: value });
    this.parts = buildParts(root, {
      unit: set("unit"), view: set("view"), range: set("range"), curve: set("curve"),
      part: (value) => this.change({ part: value === "" ? null : Number(value) }),
    });
    this.onEscape(() => {
      if (this.settings.sel || this.settings.in !== null) this.change({ sel: null, in: null });
    });
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.parts.stage);
    this.follow();
  }

  begin() {
    const { model } = this;
    const asked = parseState(model.state, model.columns, model.n);
    const { sel, in: input, part, ...looks } = asked;
    Object.assign(this.settings, looks, { in: input === undefined ? null : input });
    this.settings.part = typeof part === "number" && part < this.slices.length ? part : null;
    this.settings.sel = sel || (input === undefined && model.columns ? [model.selected[0], model.selected[1]] : null);
    this.anchor = this.settings.sel ? this.settings.sel[0] : 0;
    this.makePanes();
    this.fillPicks();
  }

  /** @returns {string} */
  state() {
    return formatState(this.settings);
  }

  hideTips() {
    super.hideTips();
    this.parts.hint.hide();
  }

  /** Throws when the parts of the data do not fit together. @param {HeatmapValue} data */
  load(data) {
    const model = readPayload(data);
    this.planes = planesOf(model, data);
    this.slices = slicesOf(model, data.parts);
    this.whole = data.agreement || null;
    this.ranked = data.ranked !== false;
    this.model = model;
  }

  makePanes() {
    const several = this.planes.length > 1;
    this.panes.forEach((pane) => pane.destroy());
    this.panes = this.planes.map(() => {
      /** @type {Pane} */
      const pane = new Pane(this.parts.stage, this.handlers(() => pane), several);
      return pane;
    });
    this.parts.legend.node.hidden = several;
  }

  /** @param {() => Pane} pane @returns {{ text: FlowHandlers, grid: GridHandlers }} */
  handlers(pane) {
    const over = (/** @type {Hovered | null} */ target) => {
      const other = pane() !== this.pointed;
      if (!target && other) return; // the pointer left this map for another one
      if (other) this.hovered = null; // perhaps the same word, but the number of another map
      this.pointed = target && pane();
      this.hover(target);
    };
    const clear = () => this.change({ sel: null, in: null });
    return {
      text: {
        hover: (u) => over(u === null ? null : { u }),
        pick: (u, extend) => this.pick(u, extend),
        clear,
      },
      grid: {
        hover: over, clear,
        pick: ({ row, column }, extend) =>
          this.pick(Number(column === null ? row : column), extend),
        move: (target, extend) => {
          this.pick(target.column, extend);
          over(target);
          this.say();
        },
      },
    };
  }

  fillPicks() {
    const { model, parts } = this;
    const label = (/** @type {string} */ name) => String((model.stepLabels[name] || {}).label || name);
    const names = Object.keys(model.steps).filter((name) => curveOf(model, name));
    parts.curve.fill([...names.map((name) => pairOf(inLink(name), label(name))), pairOf("none", "None")]);
    parts.part.fill([pairOf("", "All together"), ...this.slices.map(partChoice)]);
  }

  fillFoot() {
    const { badges, hint } = this.parts;
    fillBadges(badges, this.model.badges, hint);
    this.fillNotes();
    this.panes.forEach((pane, k) => {
      if (pane.beside) fillBadges(pane.beside.checks, this.planes[k].checks || [], hint);
    });
  }

  /** The settings a visitor can change; a pin is also told to Python. @param {Partial<HeatmapSettings>} part */
  change(part) {
    const before = this.state();
    const rebuild = REBUILDING.some((key) => key in part && part[key] !== this.settings[key]);
    Object.assign(this.settings, part);
    this.hovered = null;
    this.parts.tip.hide();
    if (rebuild) this.rebuild();
    else this.paint();
    if (this.announce(before) && ("sel" in part || "in" in part)) this.tellPin();
  }

  tellPin() {
    clearTimeout(this.telling);
    const { sel, in: input } = this.settings;
    if (!sel && input === null) return;
    const tokens = sel ? this.model.generated.slice(sel[0], sel[1] + 1) : [Number(input)];
    const value = tokens.map((i) => this.model.tokens[i].text).join("");
    this.tellPython(sel || [Number(input)], value);
  }

  /** @param {number} first @param {number} last */
  choose(first, last) {
    const { columnOf } = this.model;
    /** @type {Span} */
    const columns = [columnOf[first], columnOf[last]];
    this.anchor = columns[0];
    this.change(columns[0] < 0 ? { sel: null, in: first } : { sel: columns, in: null });
  }

  /** @param {number} u @param {boolean} extend */
  pick(u, extend) {
    const unit = this.table.units[u];
    if (unit.c0 < 0) return this.change({ sel: null, in: unit.first });
    if (extend && this.settings.sel) {
      const origin = this.table.units[this.table.unitOfToken[this.model.generated[this.anchor]]];
      return this.change({ sel: [Math.min(origin.c0, unit.c0), Math.max(origin.c1, unit.c1)], in: null });
    }
    this.anchor = unit.c0;
    return this.change({ sel: [unit.c0, unit.c1], in: null });
  }

  /** @param {Hovered | null} target */
  hover(target) {
    const same = JSON.stringify(target) === JSON.stringify(this.hovered);
    if (same || !this.model) return;
    this.hovered = target;
    this.paint();
    this.showTip();
  }

  rebuild() {
    const { model, parts, settings, slices, planes } = this;
    const slice = settings.part === null ? null : slices[settings.part];
    const curve = this.curve();
    this.panes.forEach((pane, k) => {
      const plane = slice ? withScores(planes[k], slice.scores(), { scale: 0 }) : planes[k];
      pane.build(plane, settings, k ? null : curve);
    });
    this.table = this.panes[0].table;
    this.panes.forEach((pane) => (pane.matrix.prefix = (u) => this.prefixOf(this.table.units[u])));
    const matrix = settings.view === "matrix";
    parts.hintLine.textContent = HINT[settings.view];
    parts.hintLine.hidden = model.columns === 0;
    parts.unit.set(settings.unit);
    parts.view.set(settings.view);
    parts.range.set(settings.range);
    parts.range.node.hidden = this.panes.every((pane) => pane.model.scale > 0);
    parts.part.set(settings.part === null ? "" : String(settings.part));
    if (matrix) parts.curve.node.hidden = true;
    else this.showCurve(curve);
    this.paint();
    const subject = this.subject(true);
    if (matrix && subject && !("source" in subject)) this.panes.forEach((pane) => pane.matrix.reveal(0, subject.c0));
  }

  paint() {
    if (!this.model) return;
    const { settings, palette, hovered } = this;
    const subject = this.subject(false);
    const look = { subject, held: this.subject(true), hovered, settings, palette };
    this.panes.forEach((pane) => this.showLegend(pane, pane.paint(look)));
    this.tell(subject);
  }

  /** @param {Element} node @returns {string | null} */
  placeOf(node) {
    const cell = cellAround(node);
    return cell && cell.dataset.u !== undefined ? String(this.table.units[Number(cell.dataset.u)].first) : null;
  }

  /** @returns {string | null} */
  pinPlace() {
    const at = this.pinned();
    return at && String(at[0]);
  }

  /** @param {string} place @returns {string | null} */
  nameOf(place) {
    return tokenName(this.model.tokens, place);
  }

  /** @param {string} place @returns {string} */
  titleOf(place) {
    return labelOf(this.table.units[this.table.unitOfToken[Number(place)]].text, 24);
  }

  /** @param {string} place @returns {HTMLElement[]} */
  nodesOf(place) {
    this.panes.forEach((pane) => pane.matrix.schedule());
    if (this.settings.view === "matrix") return [];
    const u = this.table.unitOfToken[Number(place)];
    return this.panes.map((pane) => pane.flow.cells[u]).filter(Boolean);
  }

  moved() {
    this.panes.forEach((pane) => (pane.curve.moved = true));
    this.paint();
  }

  /** In the matrix: the numbers of the notes on any token of a unit. @param {Unit} unit @returns {string} */
  prefixOf(unit) {
    const tokens = Array.from({ length: unit.last - unit.first + 1 }, (_, i) => unit.first + i);
    return tokens.map((i) => this.pins.prefixOf(String(i))).join("");
  }

  /** @param {string} place */
  visit(place) {
    this.pick(this.table.unitOfToken[Number(place)], false);
  }

  resize() {
    const width = this.parts.stage.clientWidth;
    if (width === this.width || !this.model) return;
    this.width = width;
    this.parts.tip.hide();
    this.panes.forEach((pane) => pane.resize(this.settings));
    this.paint();
  }

  destroy() {
    this.panes.forEach((pane) => pane.destroy());
    this.sizes.disconnect();
    super.destroy();
  }
}

/** @type {Mount<HeatmapValue>} */
export const mount = mounting(Heatmap);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
