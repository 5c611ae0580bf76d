// Several sets of scores for the same tokens: of several methods, or of single layers and heads. Pure.

import { decodeScores } from "../figure/data.js";
import { scaleOf } from "../figure/scores.js";
/** @import { Ranking, ScoreModel } from "../figure/types.js" */
/** @import { Axis, HeatmapValue, PartValue, Slice } from "./types.js" */

/**
 * A model with other scores of the same tokens.
 * @param {ScoreModel} model @param {Float32Array} scores @param {Partial<ScoreModel>} changes @returns {ScoreModel}
 */
export function withScores(model, scores, changes) {
  if (scores.length !== model.n * model.columns) throw new Error("scores and tokens do not fit");
  return Object.assign(Object.create(model), changes, { scores, tables: {} });
}

/**
 * One model for each method that is compared; the model itself where there is one method only.
 * @param {ScoreModel} model @param {HeatmapValue} data @returns {ScoreModel[]}
 */
export function planesOf(model, data) {
  if (!Array.isArray(data.planes) || !data.planes.length) return [model];
  return data.planes.map((plane) => withScores(model, decodeScores(plane.scores), {
    signed: Boolean(plane.signed),
    unit: String(plane.unit || ""),
    method: String(plane.method || ""),
    target: String(plane.target || ""),
    scale: "domain" in plane ? scaleOf(plane.domain) : model.scale,
    checks: plane.checks || [],
  }));
}

/**
 * Every layer or head on its own: [{group, label, scores()}]. parts: [{axes: [[name, labels]…], scores}] as sent.
 * @param {ScoreModel} model @param {PartValue[] | undefined} parts @returns {Slice[]}
 */
export function slicesOf(model, parts) {
  const size = model.n * model.columns;
  return (parts || []).flatMap((part) => {
    /** @type {Float32Array | null} */
    let all = null;
    const read = (/** @type {number} */ k) => {
      all = all || decodeScores(part.scores);
      return all.subarray(k * size, (k + 1) * size);
    };
    return placesOf(part.axes).map(({ group, label }, k) => ({ group, label, scores: () => read(k) }));
  });
}

/**
 * The places along some axes, the last of which varies fastest, as people name them.
 * @param {Axis[]} axes @returns {{ group: string, label: string }[]}
 */
function placesOf(axes) {
  const name = (/** @type {Axis} */ [axis, labels], /** @type {number} */ i) => axis.charAt(0).toUpperCase() + axis.slice(1).replace(/_/g, " ") + " " + labels[i];
  let places = [{ group: "", label: "" }];
  axes.forEach((axis) => {
    places = places.flatMap(({ group, label }) =>
      axis[1].map((_, i) => ({ group: group && label ? group + ", " + label : label, label: name(axis, i) }))
    );
  });
  return places;
}

/**
 * Rank correlation of two rankings over the units that both have; NaN for fewer than three, or where one is constant.
 * Where one of the two has no signs, sizes are compared.
 * @param {Ranking} first @param {Ranking} second @param {boolean} signed @returns {number}
 */
export function rankAgreement(first, second, signed) {
  const size = (/** @type {number} */ value) => (signed ? value : Math.abs(value));
  const both = first.order.filter((u) => second.values[u] === second.values[u]);
  if (both.length < 3) return NaN;
  const a = ranksOf(both.map((u) => size(first.values[u])));
  const b = ranksOf(both.map((u) => size(second.values[u])));
  const middle = (both.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((rank, i) => {
    ab += (rank - middle) * (b[i] - middle);
    aa += (rank - middle) ** 2;
    bb += (b[i] - middle) ** 2;
  });
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : NaN;
}

/** Ranks from 1; equal values share the mean of theirs. @param {number[]} values @returns {number[]} */
function ranksOf(values) {
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j]);
  /** @type {number[]} */
  const ranks = new Array(values.length);
  for (let start = 0; start < order.length; ) {
    let stop = start + 1;
    while (stop < order.length && values[order[stop]] === values[order[start]]) stop += 1;
    for (let k = start; k < stop; k++) ranks[order[k]] = (start + stop + 1) / 2;
    start = stop;
  }
  return ranks;
}
