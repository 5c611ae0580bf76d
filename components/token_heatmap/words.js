// Text and numbers as people read them: visible characters, percentages, captions. Pure; knows nothing of the page.

// Characters that would be invisible, or would reorder the text around them.
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u;
const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const SPACE = "\u00a0"; // between a number and its per cent sign, which must not part at a line's end

function controlPicture(char) {
  const code = char.codePointAt(0);
  if (char === "\n") return "⏎";
  if (char === "\t") return "⇥";
  if (code < 32) return String.fromCodePoint(0x2400 + code);
  if (code === 127) return "␡";
  return "U+" + code.toString(16).toUpperCase().padStart(4, "0");
}

function addOddities(text, add) {
  const joinerAlone = /^[\u200c\u200d]$/.test(text); // within a word or an emoji they shape what is around them
  for (const char of text) {
    if (/^[\ud800-\udfff]$/.test(char)) add("mark", "\ufffd");
    else if (joinerAlone || INVISIBLE.test(char)) add("mark", controlPicture(char));
    else add("text", char);
    if (char === "\n") add("break", "\n");
  }
}

// The text as pieces {text, kind}: kind "text", "space" (at either end), "mark" (a picture of a control character)
// or "break" (a line break, which follows its mark).
function piecesOf(text) {
  const pieces = [];
  const add = (kind, part) => {
    const tail = pieces[pieces.length - 1];
    if (tail && tail.kind === kind && kind === "text") tail.text += part;
    else pieces.push({ kind, text: part });
  };
  if (text === "") return [{ kind: "mark", text: "∅" }];
  if (/^ +$/.test(text)) return [{ kind: "mark", text: "␣".repeat(Math.min(text.length, 8)) }];
  const lead = /^ */.exec(text)[0];
  const tail = / *$/.exec(text)[0];
  if (lead) add("space", lead);
  const middle = text.slice(lead.length, text.length - tail.length);
  if (!INVISIBLE.test(middle) && !/[\ud800-\udfff\u200c\u200d]/.test(middle)) add("text", middle);
  else addOddities(middle, add);
  if (tail) add("space", tail);
  return pieces;
}

// One line for labels and captions: no outer spaces, control characters as pictures, at most limit characters.
function labelOf(text, limit) {
  const chars = Array.from(
    piecesOf(text).filter((piece) => piece.kind !== "break").map((piece) => piece.text).join("").trim() || "␣"
  );
  if (chars.length <= limit) return chars.join("");
  const head = chars.slice(0, Math.ceil(limit * 0.6)).join("");
  const tail = chars.slice(-Math.floor(limit * 0.35)).join("");
  // At a word's end where one is near; scripts without spaces are cut anywhere.
  return head.replace(/\s+\S{0,11}$/, "") + " … " + tail.replace(/^\S{0,11}\s+/, "");
}

function directionOf(text) {
  const first = /\p{L}/u.exec(text);
  return first && RTL.test(first[0]) ? "rtl" : "ltr";
}

// Three significant digits, with a real minus sign.
function formatScore(value) {
  if (value !== value || value === null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = Number(size.toPrecision(3)).toString();
  if (size < 1e-4 || size >= 1e6) text = size.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return (value < 0 ? "−" : "") + text.replace("e-", "e−");
}

function formatPercent(share) {
  const size = Math.abs(share) * 100;
  const sign = share < 0 ? "−" : "";
  if (size === 0) return "0" + SPACE + "%";
  if (size < 0.1) return "<0.1" + SPACE + "%";
  if (size > 99.9 && size < 100) return sign + ">99.9" + SPACE + "%";
  return sign + (size < 9.95 || (size > 99 && size < 100) ? size.toFixed(1) : Math.round(size)) + SPACE + "%";
}

// A probability may be tiny for a sentence, where "<0.1" + SPACE + "%" would say little.
function formatProbability(p) {
  if (p > 0 && p < 0.001) return formatScore(p * 100) + SPACE + "%";
  return formatPercent(p);
}

// A caption is a list of parts: plain strings, and {quote} for text of the model, which is set apart and isolated.
const quote = (unit, limit) => ({ quote: labelOf(unit.text, limit || 32) });

function plainText(parts) {
  return parts.map((part) => (typeof part === "string" ? part : "‘" + part.quote + "’")).join("");
}

// What a caption names: the strongest units of one sign, at most three, none of them negligible beside the first.
function strongest(ranking, sign) {
  const all = ranking.order.filter((u) => ranking.values[u] * sign > 0);
  return all.slice(0, 3).filter((u) => Math.abs(ranking.values[u]) >= 0.15 * Math.abs(ranking.values[all[0]]));
}

// withShares: 1 names the share of the first only, 3 of all.
function listed(table, ranking, ids, withShares) {
  const parts = [];
  ids.forEach((u, i) => {
    if (i > 0) parts.push(i === 1 ? ", then " : " and ");
    parts.push(quote(table.units[u]));
    const share = formatPercent(Math.abs(ranking.shares[u]));
    if (i < withShares) parts.push(" (" + share + (withShares === 1 ? " of its score)" : ")"));
  });
  return parts;
}

// "‘are’ relies most on ‘keys’ (31 %), then ‘The’ (12 %)."
function forwardCaption(model, table, ranking, target) {
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

// "‘keys’ matters most for ‘are’ (31 % of its score), then ‘table’."
function backwardCaption(model, table, ranking, source) {
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

function probabilityCaption(model, target) {
  const p = probabilityOf(model, target.c0, target.c1);
  if (p === null) return [];
  const joint = target.c1 > target.c0 ? ", the product over its " + (target.c1 - target.c0 + 1) + " tokens." : ".";
  const subject = target.text.length > 24 ? "it" : quote(target);
  return [" The model gave ", subject, " " + formatProbability(p) + joint];
}

// [label, text] pairs about a generated unit: its step scores when it is one token, else each token's probability.
// first: the step score that stands before the others, and is told of each token; "" for none.
function stepDetails(model, unit, first) {
  const has = (name, c) => typeof model.steps[name][c] === "number";
  if (unit.c0 === unit.c1) {
    const known = first && model.steps[first] ? [first] : [];
    return known.concat(model.shown.filter((name) => model.steps[name] && name !== first))
      .filter((name) => has(name, unit.c0))
      .map((name) => stepDetail(model.stepLabels[name], name, model.steps[name][unit.c0]));
  }
  const p = probabilityOf(model, unit.c0, unit.c1);
  const rows = p === null ? [] : [["Probability", formatProbability(p)]];
  const name = first && model.steps[first] ? first : "probability";
  if (!model.steps[name] || unit.c1 - unit.c0 >= 6) return rows;
  for (let c = unit.c0; c <= unit.c1; c++) {
    if (!has(name, c)) continue;
    const text = "‘" + labelOf(model.tokens[model.generated[c]].text, 16) + "’";
    const [label, number] = stepDetail(model.stepLabels[name], name, model.steps[name][c]);
    rows.push([name === "probability" ? text : label + " of " + text, number]);
  }
  return rows;
}

// " Entropy 1.25 nats." about one token; the probability has a sentence of its own.
function stepCaption(model, target, name) {
  if (!name || name === "probability" || target.c0 !== target.c1) return [];
  const value = (model.steps[name] || [])[target.c0];
  if (typeof value !== "number") return [];
  return [" " + stepDetail(model.stepLabels[name], name, value).join(" ") + "."];
}

function stepDetail(known, name, value) {
  const { label, unit } = known || { label: name, unit: "" };
  if (name === "probability") return [String(label), formatProbability(value)];
  return [String(label), formatScore(value) + (unit && unit !== name ? SPACE + unit : "")];
}

// Two decimals: of a correlation, more would be noise.
function formatCorrelation(value) {
  const text = Math.abs(value).toFixed(2);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}
