// The look of a grid as a link carries it.

import { formatPins } from "../figure/pin-text.js";
import { inLink, numberOf, partsOf } from "../figure/state.js";
/** @import { GridSettings } from "./types.js" */

/**
 * "sel:4-7,show:rank": row and column of the cell that is read, and the matrix that is shown. names: of the matrices.
 * @param {unknown} text @param {number} rows @param {number} columns @param {string[]} names
 * @returns {Partial<GridSettings>}
 */
export function parseState(text, rows, columns, names) {
  /** @type {Partial<GridSettings>} */
  const state = {};
  partsOf(text).forEach(([key, value]) => {
    const [row, column] = value.split("-").map(numberOf);
    const name = names.find((known) => inLink(known) === value);
    if (key === "sel" && value.split("-").length === 2 && row < rows && column < columns) state.sel = [row, column];
    else if (key === "show" && name) state.show = name;
  });
  return state;
}

/** @param {GridSettings} state @returns {string} */
export function formatState(state) {
  const looks = ["sel:" + state.sel[0] + "-" + state.sel[1], "show:" + inLink(state.show)];
  return looks.concat(formatPins(state.pins)).join(",");
}
