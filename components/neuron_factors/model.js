// The numbers of a figure of neuron factors: activations of each factor along the text.

import { cellNumbers } from "../figure/data.js";
/** @import { Factor, FactorsModel, FactorsValue } from "./types.js" */

/** @param {FactorsValue | string} payload @returns {FactorsModel} */
export function readFactors(payload) {
  /** @type {FactorsValue} */
  const data = typeof payload === "string" ? JSON.parse(payload) : payload;
  if (data.kind !== "neuron_factors") throw new Error("not a figure of neuron factors");
  const { tokens } = data;
  const factors = data.factors.map((factor, i) => {
    if (factor.values.length !== tokens.length) throw new Error("factors and tokens do not fit");
    const values = Float64Array.from(factor.values, (value) => (typeof value === "number" ? value : NaN));
    const most = values.reduce((high, value) => (value === value ? Math.max(high, value) : high), 0);
    const layers = Float64Array.from(factor.layers || []);
    return {
      i, values, most, layers, share: Number(factor.share) || 0, number: Number(factor.number ?? i + 1),
      neurons: factor.neurons || [], promoted: factor.promoted || [], suppressed: factor.suppressed || [],
      ablation: factor.ablation || null, stability: typeof factor.stability === "number" ? factor.stability : NaN,
    };
  });
  if (!factors.length) throw new Error("there is no factor");
  return {
    tokens, factors,
    sides: new Set(factors.flatMap((factor) => factor.neurons.map((neuron) => neuron.side))).size,
    written: data.written || null,
    layerLabels: (data.layer_labels || []).map(String),
    cells: cellNumbers(tokens),
    about: String(data.about || ""),
    selected: typeof data.selected === "number" && Number.isInteger(data.selected) ? data.selected : -1,
    state: String(data.state || ""),
    notes: data.notes || [],
    badges: data.badges || [],
  };
}

/**
 * The factor that is strongest at a token, relative to its own highest activation; -1 where none is active.
 * @param {FactorsModel} model @param {number} token @returns {number}
 */
export function strongestFactor(model, token) {
  let best = -1;
  let most = 0.08; // below, a colour would tell of noise
  model.factors.forEach((factor, f) => {
    const part = factor.most > 0 ? factor.values[token] / factor.most : 0;
    if (part > most) [best, most] = [f, part];
  });
  return best;
}

/**
 * The tokens at which a factor is strongest, strongest first.
 * @param {Factor} factor @param {number} count @returns {number[]}
 */
export function peaksOf(factor, count) {
  const order = Array.from(factor.values.keys()).filter((i) => factor.values[i] > 0);
  order.sort((a, b) => factor.values[b] - factor.values[a] || a - b);
  return order.slice(0, count).filter((i) => factor.values[i] >= 0.25 * factor.most);
}
