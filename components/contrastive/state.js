// The look of a contrastive figure as a link carries it.

import { formatPins } from "../figure/pin-text.js";
import { partsOf, spanOf } from "../figure/state.js";

export const SHOWN_KINDS = ["difference", "a", "b"];
const UNIT_KINDS = ["token", "word"];
const LINE_KINDS = ["p", "rank"];

// "sel:0-0,unit:word,show:difference,lines:p"
export function parseState(text, columns) {
  const state = {};
  partsOf(text).forEach(([key, value]) => {
    const span = spanOf(value, columns);
    if (key === "sel" && span) state.sel = span;
    else if (key === "unit" && UNIT_KINDS.includes(value)) state.unit = value;
    else if (key === "show" && SHOWN_KINDS.includes(value)) state.show = value;
    else if (key === "lines" && LINE_KINDS.includes(value)) state.lines = value;
  });
  return state;
}

export function formatState(state) {
  const parts = state.sel ? ["sel:" + state.sel[0] + "-" + state.sel[1]] : [];
  return parts.concat(["unit:" + state.unit, "show:" + state.show, "lines:" + state.lines], formatPins(state.pins)).join(",");
}
