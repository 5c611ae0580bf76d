// The look of a figure of context reliance as a link carries it: cuts in hundredths of a standard deviation, least in
// thousandths of the metric's unit.

import { formatPins } from "../figure/pin-text.js";
import { inLink, isOne, numberOf, partsOf, spanOf } from "../figure/state.js";
/** @import { RelianceSettings } from "./types.js" */

/** @type {RelianceSettings["unit"][]} */
const UNIT_KINDS = ["token", "word"];
/** @type {RelianceSettings["view"][]} */
const VIEW_KINDS = ["words", "sentences"];

/**
 * "sel:3-3,metric:kl-divergence,unit:word,view:words,cut:100,cue:150,top:2,least:50". names: of the metrics.
 * @param {unknown} text @param {number} columns @param {string[]} names @returns {Partial<RelianceSettings>}
 */
export function parseState(text, columns, names) {
  /** @type {Partial<RelianceSettings>} */
  const state = {};
  partsOf(text).forEach(([key, value]) => {
    const span = value.includes("-") ? spanOf(value, columns) : null;
    const number = numberOf(value);
    if (key === "sel" && span) state.sel = span;
    else if (key === "metric") {
      const name = names.find((known) => inLink(known) === value);
      if (name) state.metric = name;
    } else if (key === "unit" && isOne(UNIT_KINDS, value)) state.unit = value;
    else if (key === "view" && isOne(VIEW_KINDS, value)) state.view = value;
    else if (key === "cut" && number <= 400) state.sigma = number / 100;
    else if (key === "cue" && number <= 400) state.cue = number / 100;
    else if (key === "top" && number <= 99) state.top = number;
    else if (key === "least" && number >= 0) state.least = number / 1000;
  });
  return state;
}

/** @param {RelianceSettings} state @returns {string} */
export function formatState(state) {
  const parts = state.sel ? ["sel:" + state.sel[0] + "-" + state.sel[1]] : [];
  parts.push("metric:" + inLink(state.metric), "unit:" + state.unit, "view:" + state.view);
  parts.push("cut:" + Math.round(state.sigma * 100), "cue:" + Math.round(state.cue * 100), "top:" + state.top);
  return parts.concat("least:" + Math.round(state.least * 1000), formatPins(state.pins)).join(",");
}
