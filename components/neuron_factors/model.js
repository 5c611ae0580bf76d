// The numbers of a figure of neuron factors: activations of each factor along the text. Knows nothing of the page.

function readFactors(payload) {
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
    signed: false,
    about: String(data.about || ""),
    selected: Number.isInteger(data.selected) ? data.selected : -1,
    state: String(data.state || ""),
    notes: data.notes || [],
    badges: data.badges || [],
  };
}

// The factor that is strongest at a token, relative to its own highest activation; -1 where none is active.
function strongestFactor(model, token) {
  let best = -1;
  let most = 0.08; // below, a colour would tell of noise
  model.factors.forEach((factor, f) => {
    const part = factor.most > 0 ? factor.values[token] / factor.most : 0;
    if (part > most) [best, most] = [f, part];
  });
  return best;
}

// The tokens at which a factor is strongest, strongest first.
function peaksOf(factor, count) {
  const order = Array.from(factor.values.keys()).filter((i) => factor.values[i] > 0);
  order.sort((a, b) => factor.values[b] - factor.values[a] || a - b);
  return order.slice(0, count).filter((i) => factor.values[i] >= 0.25 * factor.most);
}

// "factor:2,token:7,more:1": what is pinned, and whether all factors are shown.
function parseFactorState(text, factors, tokens) {
  const state = {};
  String(text || "").split(",").forEach((part) => {
    const match = /^(factor|token|more):(\d{1,6})$/.exec(part);
    if (!match) return;
    const value = Number(match[2]);
    if (match[1] === "factor" && value >= 1 && value <= factors) state.factor = value - 1;
    else if (match[1] === "token" && value < tokens) state.token = value;
    else if (match[1] === "more") state.more = value === 1;
  });
  return state;
}

function formatFactorState(state) {
  const parts = [];
  if (state.factor !== null) parts.push("factor:" + (state.factor + 1));
  if (state.token !== null) parts.push("token:" + state.token);
  if (state.more) parts.push("more:1");
  return parts.concat(formatPins(state.pins)).join(",");
}
