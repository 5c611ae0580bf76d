// Several sets of scores for the same tokens: of several methods, or of single layers and heads. Pure.

import { decodeScores } from "../figure/data.js";
import { scaleOf } from "../figure/scores.js";

// A model with other scores of the same tokens.
export function withScores(model, scores, changes) {
  if (scores.length !== model.n * model.columns) throw new Error("scores and tokens do not fit");
  return Object.assign(Object.create(model), changes, { scores, tables: {} });
}

// One model for each method that is compared; the model itself where there is one method only.
export function planesOf(model, data) {
  if (!Array.isArray(data.planes) || !data.planes.length) return [model];
  return data.planes.map((plane) => withScores(model, decodeScores(plane.scores), {
    signed: Boolean(plane.signed),
    unit: String(plane.unit || ""),
    method: String(plane.method || ""),
    target: String(plane.target || ""),
    about: String(plane.about || ""),
    scale: "domain" in plane ? scaleOf(plane.domain) : model.scale,
    checks: plane.checks || [],
  }));
}

// Every layer or head on its own: [{group, label, scores()}]. parts: [{axes: [[name, labels]…], scores}] as sent.
export function slicesOf(model, parts) {
  const size = model.n * model.columns;
  return (parts || []).flatMap((part) => {
    let all = null;
    const read = (k) => {
      all = all || decodeScores(part.scores);
      return all.subarray(k * size, (k + 1) * size);
    };
    return placesOf(part.axes).map(({ group, label }, k) => ({ group, label, scores: () => read(k) }));
  });
}

// The places along some axes, the last of which varies fastest, as people name them.
function placesOf(axes) {
  const name = ([axis, labels], i) => axis.charAt(0).toUpperCase() + axis.slice(1).replace(/_/g, " ") + " " + labels[i];
  let places = [{ group: "", label: "" }];
  axes.forEach((axis) => {
    places = places.flatMap(({ group, label }) =>
      axis[1].map((_, i) => ({ group: group && label ? group + ", " + label : label, label: name(axis, i) }))
    );
  });
  return places;
}

// Rank correlation of two rankings over the units that both have; NaN for fewer than three, or where one is constant.
// Where one of the two has no signs, sizes are compared.
export function rankAgreement(first, second, signed) {
  const size = (value) => (signed ? value : Math.abs(value));
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

// Ranks from 1; equal values share the mean of theirs.
function ranksOf(values) {
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j]);
  const ranks = new Array(values.length);
  for (let start = 0; start < order.length; ) {
    let stop = start + 1;
    while (stop < order.length && values[order[stop]] === values[order[start]]) stop += 1;
    for (let k = start; k < stop; k++) ranks[order[k]] = (start + stop + 1) / 2;
    start = stop;
  }
  return ranks;
}
