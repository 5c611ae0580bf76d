// The figure: a grid, the cell that is read, and what stands behind it. mount(root, value, {emit}) is all.

import { Figure, mounting } from "../figure/base.js";
import { drawCurves } from "../figure/curves.js";
import { Matrix } from "../figure/matrix.js";
import { appendPieces, element, fillCaption, fillPairs, later, pairOf } from "../figure/widgets.js";
import { formatProbability, formatScore, labelOf, plainText, SPACE } from "../figure/words.js";
import { fillAlong } from "./along.js";
import { gridTable, readGrid, shadeOf } from "./model.js";
import { buildGrid, EMPTY_GRID, offer } from "./parts.js";
import { formatState, parseState } from "./state.js";
/** @import { Contract, Emit, Mount } from "../figure/contract.js" */
/** @import { GridTarget, Pair, Span } from "../figure/types.js" */
/** @import { GridKind, GridMatrix, GridSettings, GridValue, LayerTable, LineUnit } from "./types.js" */

/** A label within a sentence; CKA stays CKA. @param {string} label @returns {string} */
const inSentence = (label) => (/[A-Z]{2}/.test(label) ? label : label.toLowerCase());

/** @extends {Figure<GridKind>} @implements {Contract<GridKind>} */
class Grid extends Figure {
  /** @param {HTMLElement} root @param {Emit} [emit] */
  constructor(root, emit) {
    super(root, emit, { name: "layer grid", empty: EMPTY_GRID });
    /** @type {GridSettings} */
    this.settings = { pins: [], sel: [0, 0], show: "" };
    /** @type {LayerTable} */
    this.table = later();
    /** @type {GridTarget | null} */
    this.hovered = null;
    this.width = 0;
    this.parts = buildGrid(root);
    /** @type {Matrix<LineUnit>} */
    this.matrix = new Matrix(this.parts.matrix, {
      hover: (target) => this.hover(target),
      clear: () => {},
      pick: (target) => this.pick(target),
      move: (target) => {
        this.pick(target);
        this.hover(target);
      },
    });
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.parts.stage);
    this.follow();
  }

  forget() {
    this.hovered = null;
  }

  /** @param {GridValue} data */
  load(data) {
    this.model = readGrid(data);
  }

  begin() {
    const { model, parts } = this;
    const names = model.matrices.map((matrix) => matrix.name);
    const [row, column] = model.selected;
    /** @type {Partial<GridSettings>} */
    const fresh = { sel: [row, column], show: names[0] };
    const asked = parseState(model.state, model.rows.names.length, model.cols.names.length, names);
    Object.assign(this.settings, fresh, asked);
    offer(parts, model.matrices.map((matrix) => pairOf(matrix.name, matrix.label)), (show) => this.change({ show }));
    parts.hint.textContent = model.hint;
    parts.hint.hidden = model.hint === "";
    parts.matrix.setAttribute("aria-label", model.rows.label + " by " + model.cols.label + "; arrow keys move");
  }

  /** @returns {string} */
  state() {
    return formatState(this.settings);
  }

  /** @returns {GridMatrix} */
  shown() {
    return this.model.matrices.find((matrix) => matrix.name === this.settings.show) || this.model.matrices[0];
  }

  /** @param {Partial<GridSettings>} part */
  change(part) {
    const before = this.state();
    const rebuild = part.show && part.show !== this.settings.show;
    Object.assign(this.settings, part);
    if (rebuild) this.rebuild();
    else this.paint();
    if (!this.announce(before) || !("sel" in part)) return;
    clearTimeout(this.telling);
    this.tellPython(this.settings.sel, this.model.cols.names[this.settings.sel[1]]);
  }

  /** @returns {{ text: string, segment?: string }[]} */
  words() {
    const { names, segments } = this.model.cols;
    return names.map((text, i) => ({ text, segment: segments[i] }));
  }

  /** @returns {Span} */
  pinned() {
    const [, column] = this.settings.sel;
    return [column, column];
  }

  /** @param {number} first */
  choose(first) {
    this.change({ sel: [this.settings.sel[0], first] });
  }

  /** A label picks its row or column, and leaves the other as it is. @param {GridTarget} target */
  pick(target) {
    const { units } = this.table;
    const [row, column] = this.settings.sel;
    const picked = target.column === null ? column : units[target.column].column;
    this.change({ sel: [target.row === null ? row : units[target.row].row, picked] });
  }

  /** @param {GridTarget | null} target */
  hover(target) {
    if (!this.model || JSON.stringify(target) === JSON.stringify(this.hovered)) return;
    this.hovered = target;
    this.matrix.pointAt(target);
    const { tip } = this.parts;
    if (!target || target.row === null || target.column === null) return tip.hide();
    const { units } = this.table;
    const [row, column] = [units[target.row].row, units[target.column].column];
    const title = labelOf(this.model.cols.names[column], 30) + " · " + this.model.rows.names[row];
    const pairs = [...this.numbersAt(row, column), ...this.pins.pairsOf(row + "." + column)];
    return tip.show(this.matrix.boxOf(target), title, pairs, true);
  }

  /** A place of a note is "row.column". @param {Element} node @returns {string | null} */
  placeOf(node) {
    return node.closest("canvas") ? this.pinPlace() : null;
  }

  /** @returns {string} */
  pinPlace() {
    return this.settings.sel.join(".");
  }

  /** @param {string} place @returns {string | null} */
  nameOf(place) {
    const [row, column] = place.split(".").map((part) => Number(part));
    const { rows, cols } = this.model;
    const known = rows.names[row] !== undefined && cols.names[column] !== undefined;
    return known ? labelOf(cols.names[column], 24) + " · " + rows.names[row] : null;
  }

  /** @param {string} place @returns {string | null} */
  titleOf(place) {
    return this.nameOf(place);
  }

  /** @returns {HTMLElement[]} */
  nodesOf() {
    this.matrix.schedule();
    return [];
  }

  /** @param {string} place */
  visit(place) {
    const [row, column] = place.split(".").map((part) => Number(part));
    this.change({ sel: [row, column] });
    this.matrix.reveal(this.table.unitOfRow(row), column);
  }

  /** The numbers of the notes in a row or column, in front of its name. @param {LineUnit} unit @returns {string} */
  prefixOf(unit) {
    const [key, at] = unit.row >= 0 ? [0, unit.row] : [1, unit.column];
    const places = new Set(this.settings.pins.map((pin) => pin.place));
    return Array.from(places, (place) => (Number(place.split(".")[key]) === at ? this.pins.prefixOf(place) : "")).join("");
  }

  /** @param {GridMatrix} matrix @param {number} row @param {number} column @returns {number} */
  valueAt(matrix, row, column) {
    return matrix.values[row * this.model.cols.names.length + column];
  }

  /** @param {number} row @param {number} column @returns {Pair[]} */
  numbersAt(row, column) {
    return this.model.matrices.map((matrix) => pairOf(matrix.label, this.textOf(matrix, this.valueAt(matrix, row, column))));
  }

  /** @param {GridMatrix} matrix @param {number} value @returns {string} */
  textOf(matrix, value) {
    if (value !== value) return "–";
    if (matrix.unit === "probability") return formatProbability(value);
    return (matrix.scale === "rank" ? String(value) : formatScore(value)) + (matrix.unit ? SPACE + matrix.unit : "");
  }

  rebuild() {
    this.table = gridTable(this.model, this.shown());
    this.matrix.build(this.table);
    this.matrix.prefix = (u) => this.prefixOf(this.table.units[u]);
    this.paint();
    const [row, column] = this.settings.sel;
    this.matrix.reveal(this.table.unitOfRow(row), column);
  }

  paint() {
    if (!this.model) return;
    const { settings, table, palette, parts } = this;
    const matrix = this.shown();
    const scale = shadeOf(matrix);
    parts.show.set(matrix.name);
    const [row, column] = settings.sel;
    this.matrix.paint({
      ...palette, focus: new Set([table.targets[column]]), source: table.unitOfRow(row),
      shade: (value, at) => palette.shade(matrix.signed ? value : Math.abs(value), at),
      columnPart: (value) => scale.part(value),
    });
    const high = this.textOf(matrix, scale.high);
    const ends = { low: matrix.signed ? "−" + high : "0", high, about: matrix.label + (matrix.about ? ": " + matrix.about : "") };
    if (matrix.scale === "rank") Object.assign(ends, { low: String(Math.round(scale.high)), high: "1" });
    parts.legend.show(palette, matrix.signed, ends);
    this.read(matrix, row, column);
  }

  /** @param {GridMatrix} matrix @param {number} row @param {number} column */
  read(matrix, row, column) {
    const { model, parts } = this;
    const token = { quote: labelOf(model.cols.names[column], 32) };
    const place = model.rows.names[row];
    this.sentence = [token, " · " + place + ": " + inSentence(matrix.label) + " " + this.textOf(matrix, this.valueAt(matrix, row, column)) + "."];
    fillCaption(parts.caption, this.sentence);
    const others = this.numbersAt(row, column).filter(([label]) => label !== matrix.label);
    fillPairs(parts.details, others);
    this.matrix.describe(plainText(this.sentence));
    this.listTop(row, column);
    parts.chart.classList.toggle("sg-along", model.along);
    if (model.along) this.drawAlong(matrix, row, column);
    else this.drawCurves(column);
  }

  /** The row that is read, along the text. @param {GridMatrix} matrix @param {number} row @param {number} column */
  drawAlong(matrix, row, column) {
    const { names } = this.model.cols;
    const values = matrix.values.subarray(row * names.length, (row + 1) * names.length);
    const label = matrix.label + " of " + this.model.rows.names[row] + " along the text";
    fillAlong(this.parts.chart, { names, values, at: column, label }, (picked) => this.change({ sel: [row, picked] }));
  }

  /** The likeliest tokens at this cell. @param {number} row @param {number} column */
  listTop(row, column) {
    const { model, parts } = this;
    const list = model.top && model.top[row] ? model.top[row][column] || [] : [];
    parts.top.textContent = "";
    parts.top.hidden = list.length === 0;
    const most = Math.max(...list.map(([, p]) => p), 1e-12);
    list.forEach(([text, p]) => {
      const item = parts.top.appendChild(element("li", "sg-item"));
      appendPieces(item.appendChild(element("bdi", "sg-word")), String(text));
      const bar = item.appendChild(element("span", "sg-track")).appendChild(element("span", "sg-bar"));
      bar.style.width = Math.max(1, (100 * p) / most).toFixed(1) + "%";
      item.appendChild(element("span", "sg-number", formatProbability(p)));
    });
  }

  /** The shown matrix and what is watched, down the rows at one column. @param {number} column */
  drawCurves(column) {
    const { model, parts } = this;
    const matrix = this.shown();
    const R = model.rows.names.length;
    const at = (/** @type {Float32Array} */ values) => Array.from({ length: R }, (_, r) => values[r * model.cols.names.length + column]);
    const curves = model.watched.length
      ? model.watched.map((curve) => ({ label: curve.label, values: at(curve.values) }))
      : [{ label: matrix.label, values: at(matrix.values) }];
    parts.chart.hidden = R < 3;
    if (!parts.chart.hidden) {
      const rank = model.watched.length ? model.watchedUnit === "rank" : matrix.scale === "rank";
      drawCurves(parts.chart, { names: model.rows.names, curves, rank, axis: model.rows.label, at: this.settings.sel[0] });
    }
  }

  resize() {
    const width = this.parts.stage.clientWidth;
    if (width === this.width || !this.model) return;
    this.width = width;
    this.parts.tip.hide();
    this.matrix.resize();
  }

  destroy() {
    this.sizes.disconnect();
    super.destroy();
  }
}

/** @type {Mount<GridValue>} */
export const mount = mounting(Grid);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
