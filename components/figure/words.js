// Text and numbers as people read them: visible characters, percentages, captions. Pure.

/** @import { Caption, Piece, Ranking } from "./types.js" */


// Characters that would be invisible, or would reorder the text around them.
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u;

const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

export const SPACE = "\u00a0"; // between a number and its per cent sign, which must not part at a line's end

/** @param {string} char @returns {string} */
function controlPicture(char) {
  const code = Number(char.codePointAt(0));
  if (char === "\n") return "⏎";
  if (char === "\t") return "⇥";
  if (code < 32) return String.fromCodePoint(0x2400 + code);
  if (code === 127) return "␡";
  return "U+" + code.toString(16).toUpperCase().padStart(4, "0");
}

/** @param {string} text @param {(kind: Piece["kind"], text: string) => void} add */
function addOddities(text, add) {
  const joinerAlone = /^[\u200c\u200d]$/.test(text); // within a word or an emoji they shape what is around them
  for (const char of text) {
    if (/^[\ud800-\udfff]$/.test(char)) add("mark", "\ufffd");
    else if (joinerAlone || INVISIBLE.test(char)) add("mark", controlPicture(char));
    else add("text", char);
    if (char === "\n") add("break", "\n");
  }
}

/**
 * The text as pieces {text, kind}: kind "text", "space" (at either end), "mark" (a picture of a control character)
 * or "break" (a line break, which follows its mark).
 * @param {string} text @returns {Piece[]}
 */
export function piecesOf(text) {
  /** @type {Piece[]} */
  const pieces = [];
  const add = (/** @type {Piece["kind"]} */ kind, /** @type {string} */ part) => {
    const tail = pieces[pieces.length - 1];
    if (tail && tail.kind === kind && kind === "text") tail.text += part;
    else pieces.push({ kind, text: part });
  };
  if (text === "") return [{ kind: "mark", text: "∅" }];
  if (/^ +$/.test(text)) return [{ kind: "mark", text: "␣".repeat(Math.min(text.length, 8)) }];
  const lead = text.slice(0, text.length - text.replace(/^ +/, "").length);
  const tail = text.slice(text.replace(/ +$/, "").length);
  if (lead) add("space", lead);
  const middle = text.slice(lead.length, text.length - tail.length);
  if (!INVISIBLE.test(middle) && !/[\ud800-\udfff\u200c\u200d]/.test(middle)) add("text", middle);
  else addOddities(middle, add);
  if (tail) add("space", tail);
  return pieces;
}

/**
 * One line for labels and captions: no outer spaces, control characters as pictures, at most limit characters.
 * @param {string} text @param {number} limit @returns {string}
 */
export function labelOf(text, limit) {
  const chars = Array.from(
    piecesOf(text).filter((piece) => piece.kind !== "break").map((piece) => piece.text).join("").trim() || "␣"
  );
  if (chars.length <= limit) return chars.join("");
  const head = chars.slice(0, Math.ceil(limit * 0.6)).join("");
  const tail = chars.slice(-Math.floor(limit * 0.35)).join("");
  // At a word's end where one is near; scripts without spaces are cut anywhere.
  return head.replace(/\s+\S{0,11}$/, "") + " … " + tail.replace(/^\S{0,11}\s+/, "");
}

/** @param {string} text @returns {"ltr" | "rtl"} */
export function directionOf(text) {
  const first = /\p{L}/u.exec(text);
  return first && RTL.test(first[0]) ? "rtl" : "ltr";
}

/** Three significant digits, with a real minus sign. @param {number | null} value @returns {string} */
export function formatScore(value) {
  if (value !== value || value === null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = Number(size.toPrecision(3)).toString();
  if (size < 1e-4 || size >= 1e6) text = size.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return (value < 0 ? "−" : "") + text.replace("e-", "e−");
}

/** @param {number} share @returns {string} */
export function formatPercent(share) {
  const size = Math.abs(share) * 100;
  const sign = share < 0 ? "−" : "";
  if (size === 0) return "0" + SPACE + "%";
  if (size < 0.1) return "<0.1" + SPACE + "%";
  if (size > 99.9 && size < 100) return sign + ">99.9" + SPACE + "%";
  return sign + (size < 9.95 || (size > 99 && size < 100) ? size.toFixed(1) : Math.round(size)) + SPACE + "%";
}

/**
 * A probability may be tiny for a sentence, where "<0.1" + SPACE + "%" would say little.
 * @param {number} p @returns {string}
 */
export function formatProbability(p) {
  if (p > 0 && p < 0.001) return formatScore(p * 100) + SPACE + "%";
  return formatPercent(p);
}

/**
 * A caption is a list of parts: plain strings, and {quote} for text of the model, which is set apart and isolated.
 * @param {{ text: string }} unit @param {number} [limit] @returns {{ quote: string }}
 */
export const quote = (unit, limit) => ({ quote: labelOf(unit.text, limit || 32) });

/** @param {Caption} parts @returns {string} */
export function plainText(parts) {
  return parts.map((part) => (typeof part === "string" ? part : "‘" + part.quote + "’")).join("");
}

/**
 * What a caption names: the strongest units of one sign, at most three, none of them negligible beside the first.
 * @param {Ranking} ranking @param {number} sign @returns {number[]}
 */
export function strongest(ranking, sign) {
  const all = ranking.order.filter((u) => ranking.values[u] * sign > 0);
  return all.slice(0, 3).filter((u) => Math.abs(ranking.values[u]) >= 0.15 * Math.abs(ranking.values[all[0]]));
}

/** Two decimals: of a correlation, more would be noise. @param {number} value @returns {string} */
export function formatCorrelation(value) {
  const text = Math.abs(value).toFixed(2);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}
