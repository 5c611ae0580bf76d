// The numbers of a contrastive figure: A, B and their difference, the next tokens, and the two through the layers.

import { decodeScores } from "../figure/data.js";
import { readPayload } from "../figure/scores.js";
/** @import { ContrastModel, ContrastValue, Layers, LayersValue } from "./types.js" */
/** @import { Packed } from "../figure/types.js" */

/** @param {ContrastValue | string} payload @returns {ContrastModel} */
export function readContrast(payload) {
  /** @type {ContrastValue} */
  const data = typeof payload === "string" ? JSON.parse(payload) : payload;
  if (data.kind !== "contrastive") throw new Error("not a contrastive figure");
  const base = { ...data, kind: "token_heatmap", signed: true, steps: {}, step_labels: {} };
  // One model for each matrix; they share everything but the scores.
  const read = (/** @type {Packed | undefined} */ scores) => (scores ? readPayload({ ...base, scores }) : null);
  const difference = read(data.scores.difference);
  if (!difference) throw new Error("there is no difference");
  const models = { difference, a: read(data.scores.a), b: read(data.scores.b) };
  const { columns } = difference;
  return {
    models, columns,
    tokens: models.difference.tokens,
    generated: models.difference.generated,
    a: listOf(data.a, columns),
    b: listOf(data.b, columns),
    top: listOf(data.top, columns),
    compared: (data.compared || []).filter((c) => Number.isInteger(c) && c >= 0 && c < columns),
    layers: readLayers(data.layers, columns),
    pair: data.pair && Array.isArray(data.pair.tokens) ? data.pair : null,
    slot: data.slot !== false,
    method: String(data.method || ""),
    target: String(data.target || ""),
    unit: String(data.unit || ""),
    state: String(data.state || ""),
    notes: data.notes || [],
    badges: data.badges || [],
  };
}

/**
 * One entry for each column, or none.
 * @template T @param {T[] | undefined} list @param {number} columns @returns {T[]}
 */
const listOf = (list, columns) => (Array.isArray(list) && list.length === columns ? list : []);

/** @param {LayersValue | null | undefined} layers @param {number} columns @returns {Layers | null} */
function readLayers(layers, columns) {
  if (!layers || !Array.isArray(layers.labels) || layers.labels.length < 2) return null;
  const read = (/** @type {Packed} */ packed) => {
    const scores = decodeScores(packed);
    if (scores.length !== layers.labels.length * columns) throw new Error("layers and tokens do not fit");
    return (/** @type {number} */ layer, /** @type {number} */ column) => scores[layer * columns + column];
  };
  return {
    labels: layers.labels.map(String),
    p: { a: read(layers.p_a), b: read(layers.p_b) },
    rank: { a: read(layers.rank_a), b: read(layers.rank_b) },
  };
}

/**
 * The first layer from which on A stays more probable than B, or -1 when A is behind at the end.
 * @param {Layers} layers @param {number} column @returns {number}
 */
export function winningLayer(layers, column) {
  let first = -1;
  for (let layer = layers.labels.length - 1; layer >= 0; layer--) {
    if (!(layers.p.a(layer, column) > layers.p.b(layer, column))) break;
    first = layer;
  }
  return first;
}
