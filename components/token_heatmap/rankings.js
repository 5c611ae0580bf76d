// What a selection relies on and what it influences, with shares and ranks.

import { ranked } from "../figure/scores.js";
/** @import { Ranking, ScoreModel, Span, Table } from "../figure/types.js" */

/**
 * What a span of generated units relies on. values, shares: one per unit, NaN where nothing was scored.
 * @param {Table} table @param {number} c0 @param {number} c1 @returns {Ranking}
 */
export function forward(table, c0, c1) {
  const values = new Float64Array(table.U).fill(NaN);
  const inside = new Set(table.targets.slice(c0, c1 + 1));
  for (let u = 0; u < table.U; u++) {
    if (inside.has(u)) continue;
    for (let c = c0; c <= c1; c++) {
      const score = table.values[u * table.C + c];
      if (score === score) values[u] = (values[u] === values[u] ? values[u] : 0) + score;
    }
  }
  return ranked(values, null);
}

/**
 * What an input unit influences. A share is the part of the generated unit's score that comes from this input.
 * @param {Table} table @param {number} u @returns {Ranking}
 */
export function backward(table, u) {
  const values = new Float64Array(table.U).fill(NaN);
  const totals = new Float64Array(table.U).fill(NaN);
  for (let c = 0; c < table.C; c++) {
    values[table.targets[c]] = table.values[u * table.C + c];
    totals[table.targets[c]] = table.totals[c];
  }
  return ranked(values, totals);
}

/**
 * The probability the model gave to columns c0..c1: the product of its tokens' (chain rule). null when unknown.
 * @param {ScoreModel} model @param {number} c0 @param {number} c1 @returns {number | null}
 */
export function probabilityOf(model, c0, c1) {
  const steps = model.steps.probability;
  if (!steps) return null;
  let product = 1;
  for (let c = c0; c <= c1; c++) {
    if (typeof steps[c] !== "number") return null;
    product *= Number(steps[c]);
  }
  return product;
}

/**
 * The generated units that token columns a..b touch, as first and last target index; null when there are none.
 * @param {Table} table @param {Span | null} span @returns {Span | null}
 */
export function targetsOfColumns(table, span) {
  if (!span) return null;
  let c0 = -1;
  let c1 = -1;
  table.targets.forEach((u, c) => {
    const unit = table.units[u];
    if (unit.c1 < span[0] || unit.c0 > span[1]) return;
    c0 = c0 < 0 ? c : c0;
    c1 = c;
  });
  return c0 < 0 ? null : [c0, c1];
}
