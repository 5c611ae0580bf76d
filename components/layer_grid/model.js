// The numbers of a grid: named rows and columns, one or more matrices over them, and what stands behind each cell.

import { decodeScores } from "../figure/data.js";
/** @import { GridMatrix, GridModel, GridValue, LayerTable, LineUnit, ScaleKind } from "./types.js" */

/** @type {ScaleKind[]} */
const SCALES = ["linear", "log", "rank"];

/** @param {GridValue | string} payload @returns {GridModel} */
export function readGrid(payload) {
  /** @type {GridValue} */
  const data = typeof payload === "string" ? JSON.parse(payload) : payload;
  if (data.kind !== "layer_grid") throw new Error("not a grid");
  const { rows, cols } = data;
  const matrices = data.matrices.map((matrix) => {
    const values = decodeScores(matrix);
    const wrong = matrix.rows !== rows.names.length || matrix.cols !== cols.names.length;
    if (wrong || values.length !== matrix.rows * matrix.cols) throw new Error("values and names do not fit");
    return {
      name: String(matrix.name), label: String(matrix.label), unit: String(matrix.unit || ""), values,
      signed: Boolean(matrix.signed), scale: SCALES.find((scale) => scale === matrix.scale) || "linear",
      about: String(matrix.about || ""), high: typeof matrix.high === "number" ? matrix.high : null,
    };
  });
  if (!matrices.length) throw new Error("there is no matrix");
  return {
    matrices,
    rows: { label: String(rows.label), names: rows.names.map(String) },
    cols: { label: String(cols.label), names: cols.names.map(String), segments: cols.segments || [] },
    top: data.top || null, // for each row and column a list of [text, probability]
    watched: (data.watched || []).map((curve) => ({ label: String(curve.label), values: decodeScores(curve) })),
    watchedUnit: String(data.watched_unit || ""),
    upward: Boolean(data.upward), // the first row is drawn at the bottom, as layers stand in pictures of models
    along: Boolean(data.along), // a row is what one reads along the text, rather than a column down the rows
    hint: String(data.hint || ""),
    selected: Array.isArray(data.selected) ? data.selected : [0, 0],
    state: String(data.state || ""),
    notes: data.notes || [],
    badges: data.badges || [],
  };
}

/**
 * A table as the matrix picture reads it: units are the rows and then the columns.
 * @param {GridModel} model @param {GridMatrix} matrix @returns {LayerTable}
 */
export function gridTable(model, matrix) {
  const [R, C] = [model.rows.names.length, model.cols.names.length];
  const order = Array.from({ length: R }, (_, r) => (model.upward ? R - 1 - r : r));
  /** @returns {LineUnit} */
  const rowUnit = (/** @type {number} */ row) => ({ text: model.rows.names[row], segment: "prompt", special: false, row, column: -1 });
  /** @returns {LineUnit} */
  const columnUnit = (/** @type {number} */ column) => ({
    text: model.cols.names[column], segment: model.cols.segments[column] || "prompt", row: -1, column,
  });
  const units = [...order.map(rowUnit), ...model.cols.names.map((_, c) => columnUnit(c))];
  const values = new Float32Array(units.length * C).fill(NaN);
  order.forEach((r, u) => values.set(matrix.values.subarray(r * C, (r + 1) * C), u * C));
  const scored = new Uint8Array(units.length);
  scored.fill(1, 0, R);
  const targets = model.cols.names.map((_, c) => R + c);
  return { units, values, scored, targets, C, order, unitOfRow: (/** @type {number} */ r) => order.indexOf(r) };
}

/**
 * How dark a value is, 0 to 1. Ranks are logarithmic and the other way round: rank 1 is the darkest.
 * @param {GridMatrix} matrix @returns {{ high: number, part: (value: number) => number }}
 */
export function shadeOf(matrix) {
  const largest = matrix.values.reduce((most, v) => (v === v ? Math.max(most, Math.abs(v)) : most), 0);
  const high = matrix.high === null ? largest : matrix.high;
  if (matrix.scale === "rank") {
    const most = Math.log10(Math.max(high, 10));
    return { high, part: (value) => Math.max(0.02, 1 - Math.log10(Math.max(1, value)) / most) };
  }
  if (matrix.scale === "log") {
    return { high, part: (value) => Math.log1p(Math.abs(value)) / Math.log1p(Math.max(high, 1e-12)) };
  }
  return { high, part: (value) => Math.abs(value) / Math.max(high, 1e-12) };
}
