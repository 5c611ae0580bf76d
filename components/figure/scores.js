// Scores of tokens for generated tokens, summed over units of text, as shares and ranks.

import { cellNumbers, decodeScores } from "./data.js";
/** @import { Ranking, ScoreModel, ScoresValue, Table, Unit, UnitKind } from "./types.js" */

/**
 * A checked, decoded payload. Throws when the parts do not fit together.
 * @param {ScoresValue | string} payload @returns {ScoreModel}
 */
export function readPayload(payload) {
  /** @type {ScoresValue} */
  const data = typeof payload === "string" ? JSON.parse(payload) : payload;
  if (data.kind !== "token_heatmap") throw new Error("not a token heatmap");
  const tokens = data.tokens;
  const generated = data.generated;
  const n = tokens.length;
  const columns = generated.length;
  const scores = decodeScores(data.scores);
  if (scores.length !== n * columns || data.scores.rows !== n || data.scores.cols !== columns) {
    throw new Error("scores and tokens do not fit");
  }
  const columnOf = new Int32Array(n).fill(-1);
  generated.forEach((token, column) => {
    if (!tokens[token]) throw new Error("unknown token " + token);
    columnOf[token] = column;
  });
  return {
    tokens, generated, scores, columnOf, n, columns,
    groups: data.groups || {},
    signed: Boolean(data.signed),
    scale: scaleOf(data.domain),
    method: String(data.method || ""),
    target: String(data.target || ""),
    unit: String(data.unit || ""),
    steps: data.steps || {},
    stepLabels: data.step_labels || {},
    shown: Array.isArray(data.shown) ? data.shown : Object.keys(data.steps || {}),
    others: Array.isArray(data.others) ? data.others : [],
    selected: Array.isArray(data.selected) ? data.selected : [0, 0],
    state: String(data.state || ""),
    notes: data.notes || [],
    badges: data.badges || [],
    tables: {},
  };
}

/**
 * The end of a colour scale that is given, [low, high] or its end alone; 0 where each selection has a scale of its own.
 * @param {ScoresValue["domain"]} domain @returns {number}
 */
export function scaleOf(domain) {
  const ends = (Array.isArray(domain) ? domain : [domain]).map((end) => (typeof end === "number" ? Math.abs(end) : NaN));
  const end = Math.max(...ends);
  return Number.isFinite(end) ? end : 0;
}

/**
 * The units of one granularity, in order: {first, last, text, segment, special, c0, c1}; c0..c1 are its columns or -1.
 * @param {ScoreModel} model @param {UnitKind} kind @returns {{ units: Unit[], unitOfToken: Int32Array }}
 */
function unitsOf(model, kind) {
  const numbers = kind === "token" ? cellNumbers(model.tokens) : model.groups[kind] || cellNumbers(model.tokens);
  /** @type {Unit[]} */
  const units = [];
  const unitOfToken = new Int32Array(model.n);
  model.tokens.forEach((token, i) => {
    let unit = units[units.length - 1];
    const special = Boolean(token.special);
    if (!unit || numbers[i] !== numbers[i - 1] || unit.segment !== token.segment || unit.special !== special) {
      unit = { first: i, last: i, text: "", segment: token.segment, special, c0: -1, c1: -1 };
      units.push(unit);
    }
    unit.last = i;
    unit.text += token.text;
    const column = model.columnOf[i];
    if (column >= 0) {
      unit.c0 = unit.c0 < 0 ? column : unit.c0;
      unit.c1 = column;
    }
    unitOfToken[i] = units.length - 1;
  });
  return { units, unitOfToken };
}

/**
 * Scores summed over the tokens of each unit, once per granularity. values[u * C + c] is the score of unit u for the
 * c-th generated unit, NaN where nothing was scored; a unit's score for itself is left out.
 * @param {ScoreModel} model @param {UnitKind} kind @returns {Table}
 */
export function tableOf(model, kind) {
  if (model.tables[kind]) return model.tables[kind];
  const { units, unitOfToken } = unitsOf(model, kind);
  /** @type {number[]} */
  const targets = [];
  const targetOfUnit = new Int32Array(units.length).fill(-1);
  units.forEach((unit, u) => {
    if (unit.c0 >= 0) targetOfUnit[u] = targets.push(u) - 1;
  });
  const U = units.length;
  const C = targets.length;
  const values = new Float32Array(U * C).fill(NaN);
  const targetOfColumn = model.generated.map((token) => targetOfUnit[unitOfToken[token]]);
  for (let i = 0; i < model.n; i++) {
    const u = unitOfToken[i];
    for (let g = 0; g < model.columns; g++) {
      const score = model.scores[i * model.columns + g];
      const c = targetOfColumn[g];
      if (score !== score || targets[c] === u) continue;
      const at = u * C + c;
      values[at] = (values[at] === values[at] ? values[at] : 0) + score;
    }
  }
  let max = 0;
  const scored = new Uint8Array(U);
  const totals = new Float64Array(C);
  const maxima = new Float64Array(C);
  for (let u = 0; u < U; u++) {
    for (let c = 0; c < C; c++) {
      const size = Math.abs(values[u * C + c]);
      if (size !== size) continue;
      scored[u] = 1;
      totals[c] += size;
      if (size > maxima[c]) maxima[c] = size;
      if (size > max) max = size;
    }
  }
  const table = { kind, units, unitOfToken, targets, targetOfUnit, values, U, C, max, scored, totals, maxima };
  model.tables[kind] = table;
  return table;
}

/** @param {Float64Array} values @param {Float64Array | null} totals @returns {Ranking} */
export function ranked(values, totals) {
  /** @type {number[]} */
  const order = [];
  let total = 0;
  let max = 0;
  values.forEach((value, u) => {
    if (value !== value) return;
    order.push(u);
    total += Math.abs(value);
    max = Math.max(max, Math.abs(value));
  });
  order.sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b);
  const shares = values.map((value, u) => {
    const whole = totals ? totals[u] : total;
    return value === value ? (whole > 0 ? value / whole : 0) : NaN;
  });
  const rank = new Map(order.map((u, i) => [u, i + 1]));
  return { values, shares, order, rank, total, max };
}
