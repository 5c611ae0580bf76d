// The figure: what is selected, what is pointed at, and how the parts follow. mount(root, value) is all a page needs.

import { mounting } from "../figure/base.js";
import { readPayload } from "../figure/scores.js";
import { labelOf } from "../figure/words.js";
import { fillBadges } from "./badges.js";
import { Pane } from "./pane.js";
import { buildParts } from "./parts.js";
import { planesOf, slicesOf, withScores } from "./planes.js";
import { targetsOfColumns } from "./rankings.js";
import { Reader } from "./reading.js";
import { formatState, parseState } from "./state.js";
import { curveOf } from "./steps.js";

const EMPTY = "Nothing to show yet. Write a prompt and press Run.";

const HINT = {
  flow: "Bold is what the model wrote. Point at a bold word, or tap it, to see what it relies on.",
  percent: "How much each part of the text weighs for the selected word. Point at another bold word, or tap it.",
  matrix: "A column for each thing the model wrote, a row for each it may rely on. Point or tap to read a cell.",
};

class Heatmap extends Reader {
  constructor(root, emit) {
    super(root, emit, { name: "token heatmap", empty: EMPTY }); // hovered is {u} in the text, {row, column} in the matrix
    this.settings = { unit: "word", range: "token", view: "flow", curve: null, part: null, sel: null, in: null };
    this.asks = Boolean(emit); // whether there is somebody to ask
    this.pointed = null; // the pane it is in
    this.anchor = null;
    this.panes = [];
    const set = (key) => (value) => this.change({ [key]: value });
    this.parts = buildParts(root, {
      unit: set("unit"), view: set("view"), range: set("range"), curve: set("curve"),
      part: (value) => this.change({ part: value === "" ? null : Number(value) }),
    });
    this.onEscape(() => (this.settings.sel || this.settings.in !== null) && this.change({ sel: null, in: null }));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.parts.stage);
    this.follow();
  }

  begin() {
    const { model } = this;
    const asked = parseState(model.state, model.columns, model.n);
    const { sel, in: input, part, ...looks } = asked;
    Object.assign(this.settings, looks, { in: input === undefined ? null : input });
    this.settings.part = part < this.slices.length ? part : null;
    this.settings.sel = sel || (input === undefined && model.columns ? model.selected.slice() : null);
    this.anchor = this.settings.sel && this.settings.sel[0];
    this.makePanes();
    this.fillPicks();
  }

  state() {
    return formatState(this.settings);
  }

  hideTips() {
    super.hideTips();
    this.parts.hint.hide();
  }

  // Throws when the parts of the data do not fit together.
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
      const pane = new Pane(this.parts.stage, this.handlers(() => pane), several);
      return pane;
    });
    this.parts.legend.node.hidden = several;
  }

  handlers(pane) {
    const over = (target) => {
      const other = pane() !== this.pointed;
      if (!target && other) return; // the pointer left this map for another one
      if (other) this.hovered = null; // perhaps the same word, but the number of another map
      this.pointed = target && pane();
      this.hover(target);
    };
    const clear = () => this.change({ sel: null, in: null });
    return {
      text: { hover: (u) => over(u === null ? null : { u }), pick: (u, extend) => this.pick(u, extend), clear },
      grid: {
        hover: over, clear,
        pick: (target, extend) => this.pick(target.column === null ? target.row : target.column, extend),
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
    const label = (name) => String((model.stepLabels[name] || {}).label || name);
    const names = Object.keys(model.steps).filter((name) => curveOf(model, name));
    parts.curve.fill([...names.map((name) => [name.replace(/_/g, "-"), label(name)]), ["none", "None"]]);
    parts.part.fill([["", "All together"], ...this.slices.map((slice, k) => [String(k), slice.label, slice.group])]);
  }

  fillFoot() {
    const { badges, hint } = this.parts;
    fillBadges(badges, this.model.badges, hint);
    this.fillNotes();
    this.panes.forEach((pane, k) => pane.checks && fillBadges(pane.checks, this.planes[k].checks, hint));
  }

  // The settings a visitor can change; a pin is also told to Python.
  change(part) {
    const before = this.state();
    const rebuild = ["unit", "view", "curve", "part"].some((key) => key in part && part[key] !== this.settings[key]);
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
    const tokens = sel ? this.model.generated.slice(sel[0], sel[1] + 1) : [input];
    const value = tokens.map((i) => this.model.tokens[i].text).join("");
    this.tellPython(sel || [input], value);
  }

  words() {
    return this.model.tokens;
  }

  pinned() {
    const { sel, in: input } = this.settings;
    if (sel) return sel.map((column) => this.model.generated[column]);
    return input === null ? null : [input, input];
  }

  choose(first, last) {
    const columns = [first, last].map((i) => this.model.columnOf[i]);
    this.anchor = columns[0];
    this.change(columns[0] < 0 ? { sel: null, in: first } : { sel: columns, in: null });
  }

  pick(u, extend) {
    const unit = this.table.units[u];
    if (unit.c0 < 0) return this.change({ sel: null, in: unit.first });
    if (extend && this.settings.sel) {
      const origin = this.table.units[this.table.unitOfToken[this.model.generated[this.anchor]]];
      const sel = [Math.min(origin.c0, unit.c0), Math.max(origin.c1, unit.c1)];
      return this.change({ sel, in: null });
    }
    this.anchor = unit.c0;
    return this.change({ sel: [unit.c0, unit.c1], in: null });
  }

  hover(target) {
    const same = JSON.stringify(target) === JSON.stringify(this.hovered);
    if (same || !this.model) return;
    this.hovered = target;
    this.paint();
    this.showTip();
  }

  // What the picture is about now: {source: unit} or {c0, c1}, or null.
  subject(pinnedOnly) {
    const { table, settings } = this;
    const at = pinnedOnly ? null : this.hovered;
    if (at) {
      const u = "u" in at ? at.u : at.column === null ? at.row : at.column;
      const c = table.targetOfUnit[u];
      return c < 0 ? { source: u } : { c0: c, c1: c };
    }
    if (settings.in !== null) return { source: table.unitOfToken[settings.in] };
    const span = targetsOfColumns(table, settings.sel);
    return span && { c0: span[0], c1: span[1] };
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
    ["unit", "view", "range"].forEach((key) => parts[key].set(settings[key]));
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

  // ---- notes: see Pins

  placeOf(node) {
    const cell = node.closest(".ss-cell");
    return cell && cell.dataset.u !== undefined ? String(this.table.units[Number(cell.dataset.u)].first) : null;
  }

  pinPlace() {
    const { sel, in: input } = this.settings;
    return sel ? String(this.model.generated[sel[0]]) : input === null ? null : String(input);
  }

  titleOf(place) {
    return labelOf(this.table.units[this.table.unitOfToken[Number(place)]].text, 24);
  }

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

  // In the matrix: the numbers of the notes on any token of a unit.
  prefixOf(unit) {
    const tokens = Array.from({ length: unit.last - unit.first + 1 }, (_, i) => unit.first + i);
    return tokens.map((i) => this.pins.prefixOf(String(i))).join("");
  }

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

export const mount = mounting(Heatmap);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
