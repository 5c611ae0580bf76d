// Sentences and pairs about what is selected.

import { pairOf } from "../figure/widgets.js";
import { formatPercent, formatProbability, formatScore, labelOf, quote, SPACE, strongest } from "../figure/words.js";
import { probabilityOf } from "./rankings.js";
/** @import { Caption, Pair, Ranking, ScoreModel, StepLabel, Table, Unit } from "../figure/types.js" */
/** @import { Target } from "./types.js" */

/**
 * withShares: 1 names the share of the first only, 3 of all.
 * @param {Table} table @param {Ranking} ranking @param {number[]} ids @param {number} withShares @returns {Caption}
 */
function listed(table, ranking, ids, withShares) {
  /** @type {Caption} */
  const parts = [];
  ids.forEach((u, i) => {
    if (i > 0) parts.push(i === 1 ? ", then " : " and ");
    parts.push(quote(table.units[u]));
    const share = formatPercent(Math.abs(ranking.shares[u]));
    if (i < withShares) parts.push(" (" + share + (withShares === 1 ? " of its score)" : ")"));
  });
  return parts;
}

/**
 * "‘are’ relies most on ‘keys’ (31 %), then ‘The’ (12 %)."
 * @param {ScoreModel} model @param {Table} table @param {Ranking} ranking @param {Target} target @returns {Caption}
 */
export function forwardCaption(model, table, ranking, target) {
  const subject = quote(target, 48);
  if (ranking.order.length === 0) return ["Nothing before ", subject, " was scored."];
  const helping = strongest(ranking, 1);
  const against = strongest(ranking, -1);
  if (!helping.length && !against.length) return ["No part of the text has any weight for ", subject, "."];
  if (!model.signed) return [subject, " relies most on ", ...listed(table, ranking, helping, 3), "."];
  if (!helping.length) {
    const parts = listed(table, ranking, against, 3);
    return ["Nothing supports ", subject, "; it is spoken against most by ", ...parts, "."];
  }
  const parts = [subject, " is supported most by ", ...listed(table, ranking, helping, 3)];
  const first = against[0];
  const share = first === undefined ? 0 : Math.abs(ranking.shares[first]);
  if (share < 0.01) return [...parts, "."];
  return [...parts, "; ", quote(table.units[first]), " speaks against it (" + formatPercent(share) + ")."];
}

/**
 * "‘keys’ matters most for ‘are’ (31 % of its score), then ‘table’."
 * @param {ScoreModel} model @param {Table} table @param {Ranking} ranking @param {Unit} source @returns {Caption}
 */
export function backwardCaption(model, table, ranking, source) {
  const subject = quote(source, 48);
  if (ranking.order.length === 0) return [subject, " was not scored for any word the model wrote."];
  const helping = strongest(ranking, 1);
  const against = strongest(ranking, -1);
  if (!helping.length && !against.length) return [subject, " has no weight for any word the model wrote."];
  if (!model.signed) return [subject, " matters most for ", ...listed(table, ranking, helping, 1), "."];
  if (!helping.length) return [subject, " speaks against ", ...listed(table, ranking, against, 1), "."];
  const parts = [subject, " supports ", ...listed(table, ranking, helping, 1)];
  const first = against[0];
  if (first === undefined) return [...parts, "."];
  return [...parts, " and speaks against ", ...listed(table, ranking, [first], 1), "."];
}

/** @param {ScoreModel} model @param {Target} target @returns {Caption} */
export function probabilityCaption(model, target) {
  const p = probabilityOf(model, target.c0, target.c1);
  if (p === null) return [];
  const joint = target.c1 > target.c0 ? ", the product over its " + (target.c1 - target.c0 + 1) + " tokens." : ".";
  const subject = target.text.length > 24 ? "it" : quote(target);
  return [" The model gave ", subject, " " + formatProbability(p) + joint];
}

/**
 * [label, text] pairs about a generated unit: its step scores when it is one token, else each token's probability.
 * first: the step score that stands before the others, and is told of each token; "" for none.
 * @param {ScoreModel} model @param {Target} unit @param {string} first @returns {Pair[]}
 */
export function stepDetails(model, unit, first) {
  const has = (/** @type {string} */ name, /** @type {number} */ c) => typeof model.steps[name][c] === "number";
  if (unit.c0 === unit.c1) {
    const known = first && model.steps[first] ? [first] : [];
    return known.concat(model.shown.filter((name) => model.steps[name] && name !== first))
      .filter((name) => has(name, unit.c0))
      .map((name) => stepDetail(model.stepLabels[name], name, model.steps[name][unit.c0]));
  }
  const p = probabilityOf(model, unit.c0, unit.c1);
  const rows = p === null ? [] : [pairOf("Probability", formatProbability(p))];
  const name = first && model.steps[first] ? first : "probability";
  if (!model.steps[name] || unit.c1 - unit.c0 >= 6) return rows;
  for (let c = unit.c0; c <= unit.c1; c++) {
    if (!has(name, c)) continue;
    const text = "‘" + labelOf(model.tokens[model.generated[c]].text, 16) + "’";
    const [label, number] = stepDetail(model.stepLabels[name], name, model.steps[name][c]);
    rows.push(pairOf(name === "probability" ? text : label + " of " + text, number));
  }
  return rows;
}

/**
 * " Entropy 1.25 nats." about one token; the probability has a sentence of its own.
 * @param {ScoreModel} model @param {Target} target @param {string} name @returns {Caption}
 */
export function stepCaption(model, target, name) {
  if (!name || name === "probability" || target.c0 !== target.c1) return [];
  const value = (model.steps[name] || [])[target.c0];
  if (typeof value !== "number") return [];
  return [" " + stepDetail(model.stepLabels[name], name, value).join(" ") + "."];
}

/** @param {StepLabel | undefined} known @param {string} name @param {number | null} value @returns {Pair} */
function stepDetail(known, name, value) {
  const { label, unit } = known || { label: name, unit: "" };
  if (name === "probability") return pairOf(String(label), formatProbability(Number(value)));
  return pairOf(String(label), formatScore(value) + (unit && unit !== name ? SPACE + unit : ""));
}
