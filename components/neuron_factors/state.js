// The look of a figure of neuron factors as a link carries it.

import { formatPins } from "../figure/pin-text.js";
import { numberOf, partsOf } from "../figure/state.js";
/** @import { FactorSettings } from "./types.js" */

/**
 * "factor:2,token:7,more:1": what is pinned, and whether all factors are shown. factors, tokens: how many there are.
 * @param {unknown} text @param {number} factors @param {number} tokens @returns {Partial<FactorSettings>}
 */
export function parseState(text, factors, tokens) {
  /** @type {Partial<FactorSettings>} */
  const state = {};
  partsOf(text).forEach(([key, value]) => {
    const number = numberOf(value);
    if (key === "factor" && number >= 1 && number <= factors) state.factor = number - 1;
    else if (key === "token" && number < tokens) state.token = number;
    else if (key === "more" && number >= 0) state.more = number === 1;
  });
  return state;
}

/** @param {FactorSettings} state @returns {string} */
export function formatState(state) {
  const parts = [];
  if (state.factor !== null) parts.push("factor:" + (state.factor + 1));
  if (state.token !== null) parts.push("token:" + state.token);
  if (state.more) parts.push("more:1");
  return parts.concat(formatPins(state.pins)).join(",");
}
