// The numbers of a contrastive figure: A, B and their difference, the next tokens, and the two through the layers.

import { decodeScores } from "../figure/data.js";
import { readPayload } from "../figure/scores.js";
import { SHOWN_KINDS } from "./state.js";

export function readContrast(payload) {
  const data = typeof payload === "string" ? JSON.parse(payload) : payload;
  if (data.kind !== "contrastive") throw new Error("not a contrastive figure");
  const base = { ...data, kind: "token_heatmap", signed: true, steps: {}, step_labels: {} };
  // One model for each matrix; they share everything but the scores.
  const models = {};
  SHOWN_KINDS.forEach((kind) => {
    models[kind] = data.scores[kind] ? readPayload({ ...base, scores: data.scores[kind] }) : null;
  });
  if (!models.difference) throw new Error("there is no difference");
  const { columns } = models.difference;
  const list = (name) => (Array.isArray(data[name]) && data[name].length === columns ? data[name] : []);
  return {
    models, columns,
    tokens: models.difference.tokens,
    generated: models.difference.generated,
    a: list("a"),
    b: list("b"),
    top: list("top"),
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

function readLayers(layers, columns) {
  if (!layers || !Array.isArray(layers.labels) || layers.labels.length < 2) return null;
  const read = (name) => {
    const scores = decodeScores(layers[name]);
    if (scores.length !== layers.labels.length * columns) throw new Error("layers and tokens do not fit");
    return (layer, column) => scores[layer * columns + column];
  };
  return {
    labels: layers.labels.map(String),
    p: { a: read("p_a"), b: read("p_b") },
    rank: { a: read("rank_a"), b: read("rank_b") },
  };
}

// The first layer from which on A stays more probable than B, or -1 when A is behind at the end.
export function winningLayer(layers, column) {
  let first = -1;
  for (let layer = layers.labels.length - 1; layer >= 0; layer--) {
    if (!(layers.p.a(layer, column) > layers.p.b(layer, column))) break;
    first = layer;
  }
  return first;
}
