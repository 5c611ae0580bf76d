// The look of a figure as a link carries it: "sel:4-6,unit:word". Whatever is not understood is left out.

/** @import { Span } from "./types.js" */


/**
 * [key, value] of every part; notes, which hold other characters, are left out.
 * @param {unknown} text @returns {[string, string][]}
 */
export function partsOf(text) {
  return String(text || "").split(",").flatMap((part) => {
    const match = /^([a-z]+):([a-z0-9-]{1,40})$/.exec(part);
    return match ? [[match[1], match[2]]] : [];
  });
}

/**
 * "4-6" -> [4, 6], "4" -> [4, 4]; null for what is no span of columns.
 * @param {string} value @param {number} columns @returns {Span | null}
 */
export function spanOf(value, columns) {
  const span = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(value);
  if (!span) return null;
  const a = Number(span[1]);
  const b = span[2] === undefined ? a : Number(span[2]);
  return a <= b && b < columns ? [a, b] : null;
}

/** A whole number of at most six digits; NaN for anything else. @param {string} value @returns {number} */
export const numberOf = (value) => (/^\d{1,6}$/.test(value) ? Number(value) : NaN);

/** Names in links are written with "-" for "_". @param {string} name @returns {string} */
export const inLink = (name) => name.replace(/_/g, "-");

/**
 * Whether a text is one of some words.
 * @template {string} W @param {readonly W[]} words @param {string} text @returns {text is W}
 */
export const isOne = (words, text) => words.some((word) => word === text);
