// The numbers of a token heatmap: units of text, sums over them, shares and ranks. Knows nothing of the page.

const UNIT_KINDS = ["token", "word", "sentence"];
const VIEW_KINDS = ["flow", "percent", "matrix"];
const RANGE_KINDS = ["token", "output"];

// base64 of little-endian float32 -> Float32Array; NaN stands for a cell that cannot exist.
function decodeScores(scores) {
  const binary = atob(scores.f32);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Float32Array(bytes.buffer); // every browser runs on little-endian machines
}

// A checked, decoded payload. Throws when the parts do not fit together.
function readPayload(payload) {
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

// The end of a colour scale that is given, [low, high] or its end alone; 0 where each selection has a scale of its own.
function scaleOf(domain) {
  const ends = (Array.isArray(domain) ? domain : [domain]).map((end) => (typeof end === "number" ? Math.abs(end) : NaN));
  const end = Math.max(...ends);
  return Number.isFinite(end) ? end : 0;
}

// A token with empty text is the rest of a character that stands at the token before it: both are one cell.
function cellNumbers(tokens) {
  let current = -1;
  return tokens.map((token, i) => {
    const before = tokens[i - 1];
    const joins = before && token.text === "" && !token.special && !before.special && before.segment === token.segment;
    if (!joins) current += 1;
    return current;
  });
}

// The units of one granularity, in order: {first, last, text, segment, special, c0, c1}; c0..c1 are its columns or -1.
function unitsOf(model, kind) {
  const numbers = kind === "token" ? cellNumbers(model.tokens) : model.groups[kind] || cellNumbers(model.tokens);
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

// Scores summed over the tokens of each unit, once per granularity. values[u * C + c] is the score of unit u for the
// c-th generated unit, NaN where nothing was scored; a unit's score for itself is left out.
function tableOf(model, kind) {
  if (model.tables[kind]) return model.tables[kind];
  const { units, unitOfToken } = unitsOf(model, kind);
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

// What a span of generated units relies on. values, shares: one per unit, NaN where nothing was scored.
function forward(table, c0, c1) {
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

// What an input unit influences. A share is the part of the generated unit's score that comes from this input.
function backward(table, u) {
  const values = new Float64Array(table.U).fill(NaN);
  const totals = new Float64Array(table.U).fill(NaN);
  for (let c = 0; c < table.C; c++) {
    values[table.targets[c]] = table.values[u * table.C + c];
    totals[table.targets[c]] = table.totals[c];
  }
  return ranked(values, totals);
}

function ranked(values, totals) {
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

// The probability the model gave to columns c0..c1: the product of its tokens' (chain rule). null when unknown.
function probabilityOf(model, c0, c1) {
  const steps = model.steps.probability;
  if (!steps) return null;
  let product = 1;
  for (let c = c0; c <= c1; c++) {
    if (typeof steps[c] !== "number") return null;
    product *= steps[c];
  }
  return product;
}

// The generated units that token columns a..b touch, as first and last target index; null when there are none.
function targetsOfColumns(table, span) {
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

// "sel:4-6,unit:word" -> {sel: [4, 6], unit: "word"}. Whatever is not understood is left out.
function parseState(text, columns, rows) {
  const state = {};
  String(text || "").split(",").forEach((part) => {
    const match = /^([a-z]+):([a-z0-9-]+)$/.exec(part);
    if (!match) return;
    const [, key, value] = match;
    const span = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(value);
    if (key === "sel" && span) {
      const a = Number(span[1]);
      const b = span[2] === undefined ? a : Number(span[2]);
      if (a <= b && b < columns) state.sel = [a, b];
    } else if (key === "in" && /^\d{1,6}$/.test(value) && Number(value) < rows) state.in = Number(value);
    else if (key === "part" && /^\d{1,6}$/.test(value)) state.part = Number(value);
    else if (key === "curve" && value.length <= 40) state.curve = value;
    else if (key === "unit" && UNIT_KINDS.includes(value)) state.unit = value;
    else if (key === "range" && RANGE_KINDS.includes(value)) state.range = value;
    else if (key === "view" && VIEW_KINDS.includes(value)) state.view = value;
  });
  return state;
}

function formatState(state) {
  const parts = [];
  if (state.sel) parts.push("sel:" + state.sel[0] + "-" + state.sel[1]);
  if (state.in !== null && state.in !== undefined) parts.push("in:" + state.in);
  parts.push("unit:" + state.unit, "range:" + state.range, "view:" + state.view);
  if (state.curve) parts.push("curve:" + state.curve);
  if (state.part !== null && state.part !== undefined) parts.push("part:" + state.part);
  return parts.concat(formatPins(state.pins)).join(",");
}
