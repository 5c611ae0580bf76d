// The look of a contrastive figure as a link carries it.

import { formatPins } from "../figure/pin-text.js";
import { isOne, partsOf, spanOf } from "../figure/state.js";
/** @import { ContrastSettings, ShownKind } from "./types.js" */

/** @type {ShownKind[]} */
export const SHOWN_KINDS = ["a", "b", "difference"];
/** @type {ContrastSettings["unit"][]} */
const UNIT_KINDS = ["token", "word"];
/** @type {ContrastSettings["lines"][]} */
const LINE_KINDS = ["p", "rank"];

/**
 * "sel:0-0,unit:word,show:difference,lines:p"
 * @param {unknown} text @param {number} columns @returns {Partial<ContrastSettings>}
 */
export function parseState(text, columns) {
  /** @type {Partial<ContrastSettings>} */
  const state = {};
  partsOf(text).forEach(([key, value]) => {
    const span = spanOf(value, columns);
    if (key === "sel" && span) state.sel = span;
    else if (key === "unit" && isOne(UNIT_KINDS, value)) state.unit = value;
    else if (key === "show" && isOne(SHOWN_KINDS, value)) state.show = value;
    else if (key === "lines" && isOne(LINE_KINDS, value)) state.lines = value;
  });
  return state;
}

/** @param {ContrastSettings} state @returns {string} */
export function formatState(state) {
  const parts = state.sel ? ["sel:" + state.sel[0] + "-" + state.sel[1]] : [];
  return parts.concat(["unit:" + state.unit, "show:" + state.show, "lines:" + state.lines], formatPins(state.pins)).join(",");
}
