// The look of a token heatmap as a link carries it.

import { formatPins } from "../figure/pin-text.js";
import { isOne, numberOf, partsOf, spanOf } from "../figure/state.js";
/** @import { UnitKind } from "../figure/types.js" */
/** @import { HeatmapSettings, RangeKind, ViewKind } from "./types.js" */

/** @type {UnitKind[]} */
const UNIT_KINDS = ["token", "word", "sentence"];
/** @type {ViewKind[]} */
const VIEW_KINDS = ["flow", "percent", "matrix"];
/** @type {RangeKind[]} */
const RANGE_KINDS = ["token", "output"];

/**
 * "sel:4-6,unit:word" -> {sel: [4, 6], unit: "word"}.
 * @param {unknown} text @param {number} columns @param {number} rows @returns {Partial<HeatmapSettings>}
 */
export function parseState(text, columns, rows) {
  /** @type {Partial<HeatmapSettings>} */
  const state = {};
  partsOf(text).forEach(([key, value]) => {
    const span = spanOf(value, columns);
    const number = numberOf(value);
    if (key === "sel" && span) state.sel = span;
    else if (key === "in" && number < rows) state.in = number;
    else if (key === "part" && number >= 0) state.part = number;
    else if (key === "curve") state.curve = value;
    else if (key === "unit" && isOne(UNIT_KINDS, value)) state.unit = value;
    else if (key === "range" && isOne(RANGE_KINDS, value)) state.range = value;
    else if (key === "view" && isOne(VIEW_KINDS, value)) state.view = value;
  });
  return state;
}

/** @param {HeatmapSettings} state @returns {string} */
export function formatState(state) {
  const parts = [];
  if (state.sel) parts.push("sel:" + state.sel[0] + "-" + state.sel[1]);
  if (state.in !== null && state.in !== undefined) parts.push("in:" + state.in);
  parts.push("unit:" + state.unit, "range:" + state.range, "view:" + state.view);
  if (state.curve) parts.push("curve:" + state.curve);
  if (state.part !== null && state.part !== undefined) parts.push("part:" + state.part);
  return parts.concat(formatPins(state.pins)).join(",");
}
