// The numbers of a context-reliance figure: units of text, thresholds, cues, sentences.

import { decodeMatrix } from "../figure/data.js";
/** @import { Chosen, Histogram, Metric, RankedSentence, RelianceModel, RelianceTable, RelianceValue, Role, RoleUnit } from "./types.js" */
/** @import { Matrix } from "../figure/types.js" */

/**
 * A checked, decoded payload. Throws when the parts do not fit together.
 * @param {RelianceValue | string} payload @returns {RelianceModel}
 */
export function readPayload(payload) {
  /** @type {RelianceValue} */
  const data = typeof payload === "string" ? JSON.parse(payload) : payload;
  if (data.kind !== "context_reliance") throw new Error("not a figure of context reliance");
  const cues = decodeMatrix(data.scores);
  const { tokens, generated, context } = data;
  if (cues.rows !== context.length || cues.cols !== generated.length) throw new Error("scores and tokens do not fit");
  [...generated, ...context].forEach((i) => {
    if (!tokens[i]) throw new Error("unknown token " + i);
  });
  const metrics = data.metrics.map((metric) => ({ ...metric, name: String(metric.name), label: String(metric.label) }));
  if (!metrics.length || metrics.some((metric) => metric.values.length !== generated.length)) {
    throw new Error("the scores of the answer do not fit");
  }
  const sentences = data.sentences ? {
    spans: data.sentences.spans,
    without: decodeMatrix(data.sentences.without),
    weights: data.sentences.weights ? decodeMatrix(data.sentences.weights) : null,
  } : null;
  /** @type {Role[]} */
  const role = tokens.map(() => "query");
  context.forEach((i) => (role[i] = "context"));
  generated.forEach((i) => (role[i] = "answer"));
  return {
    tokens, generated, context, cues, metrics, role,
    sentences: sentences && sentences.spans.length ? sentences : null,
    groups: data.groups || {},
    with: data.p_with || [],
    without: data.p_without || [],
    alternatives: data.without || [],
    defaults: { sigma: 1, least: 0, cue: 1, top: 0, ...(data.defaults || {}) },
    signed: Boolean(data.signed),
    method: String(data.method || ""),
    target: String(data.target || ""),
    unit: String(data.unit || ""),
    state: String(data.state || ""),
    notes: data.notes || [],
    badges: data.badges || [],
  };
}

/**
 * The units of one granularity: {first, last, text, role, special, at}: 'at' are its rows of the context or its
 * columns of the answer.
 * @param {RelianceModel} model @param {"token" | "word"} kind @returns {RoleUnit[]}
 */
function unitsOf(model, kind) {
  const numbers = kind === "word" && model.groups.word ? model.groups.word : model.tokens.map((_, i) => i);
  /** @type {Map<number, number>} */
  const place = new Map();
  model.context.forEach((i, row) => place.set(i, row));
  model.generated.forEach((i, c) => place.set(i, c));
  /** @type {RoleUnit[]} */
  const units = [];
  model.tokens.forEach((token, i) => {
    let unit = units[units.length - 1];
    const special = Boolean(token.special);
    const role = model.role[i];
    const rest = token.text === "" && unit && !special && !unit.special && unit.role === role; // of a split character
    const same = unit && numbers[i] === numbers[i - 1] && unit.role === role && unit.special === special;
    const { segment } = token;
    if (!rest && (!same || unit.segment !== segment)) {
      unit = { first: i, last: i, text: "", role, special, segment, at: [] };
      units.push(unit);
    }
    unit.last = i;
    unit.text += token.text;
    const at = place.get(i);
    if (at !== undefined) unit.at.push(at);
  });
  return units;
}

/** @param {number[]} values @returns {number} */
export const sum = (values) => values.reduce((total, value) => total + value, 0);

/** @param {number[]} values @returns {number} */
export const product = (values) => values.reduce((total, value) => total * value, 1);

/**
 * Scores of units: how far each answer unit depends on the context, and each context unit's part in it.
 * @param {RelianceModel} model @param {"token" | "word"} kind @returns {RelianceTable}
 */
export function tableOf(model, kind) {
  const units = unitsOf(model, kind);
  const context = units.filter((unit) => unit.role === "context");
  const answer = units.filter((unit) => unit.role === "answer");
  const query = units.filter((unit) => unit.role === "query");
  const dependence = (/** @type {Metric} */ metric, /** @type {{ at: number[] }} */ unit) =>
    sum(unit.at.map((c) => Number(metric.values[c])));
  const explained = (/** @type {{ at: number[] }} */ to) => !context.length || to.at.some((c) =>
    context.some((from) => from.at.some((row) => !Number.isNaN(model.cues.values[row * model.cues.cols + c]))));
  const cue = (/** @type {{ at: number[] }} */ from, /** @type {{ at: number[] }} */ to) => {
    let total = 0;
    from.at.forEach((row) => to.at.forEach((c) => {
      const value = model.cues.values[row * model.cues.cols + c];
      if (value === value) total += value;
    }));
    return total;
  };
  return { kind, units, context, answer, query, dependence, cue, explained };
}

/**
 * Mean and standard deviation (over n − 1) of a list; deviation 0 when there are fewer than three, where it means
 * nothing: of two numbers neither can be a deviation above their mean.
 * @param {number[]} values @returns {{ mean: number, deviation: number }}
 */
function momentsOf(values) {
  const mean = values.length ? sum(values) / values.length : 0;
  const n = values.length;
  const deviation = n > 2 ? Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (n - 1)) : 0;
  return { mean, deviation };
}

/**
 * Which of the values count: at least the cut mean + sigma · deviation and at least 'least' in size, of those the top
 * ones (0: all). Returns {cut, chosen: indices, strongest first, nearest: the largest index}.
 * @param {number[]} values @param {{ sigma: number, least: number, top: number }} cuts @returns {Chosen}
 */
export function chosenOf(values, { sigma, least, top }) {
  const sizes = values.map((value) => Math.abs(value));
  const { mean, deviation } = momentsOf(sizes);
  const cut = Math.max(least, sizes.length > 2 ? mean + sigma * deviation : least);
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b] - sizes[a] || a - b);
  let chosen = order.filter((i) => sizes[i] >= cut && sizes[i] > 0);
  if (top > 0) chosen = chosen.slice(0, top);
  return { cut, chosen, nearest: order.length ? order[0] : -1 };
}

/**
 * Counts of sizes in equal bins from 0 to the largest, and where the cut stands between 0 and 1.
 * @param {number[]} values @param {number} cut @param {number} bins @returns {Histogram}
 */
export function histogramOf(values, cut, bins) {
  const sizes = values.map((value) => Math.abs(value));
  const high = Math.max(cut, ...sizes, 1e-12);
  const counts = new Array(bins).fill(0);
  sizes.forEach((size) => (counts[Math.min(bins - 1, Math.floor((size / high) * bins))] += 1));
  return { counts, at: Math.min(1, cut / high), high };
}

/**
 * Sentences by how far the log-probability of the columns falls without each. {sentence, fall, p, weight} in order.
 * @param {RelianceModel} model @param {number[]} columns @returns {RankedSentence[]}
 */
export function sentenceRanking(model, columns) {
  if (!model.sentences) return [];
  const { spans, without, weights } = model.sentences;
  const before = product(columns.map((c) => model.with[c]));
  return spans
    .map((span, s) => {
      const row = (/** @type {Matrix} */ matrix) => columns.map((c) => matrix.values[s * matrix.cols + c]);
      const p = product(row(without));
      const fall = Math.log(Math.max(before, 1e-30)) - Math.log(Math.max(p, 1e-30));
      const text = model.tokens.slice(span[0], span[1] + 1).map((token) => token.text).join("");
      return { sentence: s, text, p, fall, weight: weights ? sum(row(weights)) : null };
    })
    .sort((a, b) => b.fall - a.fall || a.sentence - b.sentence);
}
