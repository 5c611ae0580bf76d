// Notes as text in links: what may be written, and how an address carries it.

/** @import { Pin } from "./types.js" */


export const MOST_PINS = 5;

export const LONGEST_PIN = 140; // characters

const PIN = /^note:([a-z]?\d{1,6}(?:\.\d{1,6})?)-([A-Za-z0-9._~-]{1,440})$/;

/** What a visitor may write: one line of whole characters. @param {unknown} text @returns {string} */
export function pinText(text) {
  const whole = String(text).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  return whole.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/**
 * Text as characters that no address escapes: ASCII letters, digits, "." and "-" as they are, a space as "_", and the
 * rest between two "~" as base64url of UTF-16. A note of 140 letters takes some 150 characters, of 140 ideographs 380.
 * @param {string} text @returns {string}
 */
function packText(text) {
  const packed = (/** @type {string} */ run) => {
    const bytes = Array.from(run.split(""), (unit) => [unit.charCodeAt(0) >> 8, unit.charCodeAt(0) & 255]).flat();
    return "~" + btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "") + "~";
  };
  return text.replace(/[^A-Za-z0-9. -]+/g, packed).replace(/ /g, "_");
}

/** Throws where it is not of this form. @param {string} packed @returns {string} */
function unpackText(packed) {
  const unpacked = (/** @type {string} */ run) => {
    const bytes = atob(run.replace(/-/g, "+").replace(/_/g, "/"));
    return bytes.replace(/([^])([^]?)/g, (_, high, low) => String.fromCharCode((high.charCodeAt(0) << 8) | low.charCodeAt(0)));
  };
  return packed.split("~").map((part, i) => (i % 2 ? unpacked(part) : part.replace(/_/g, " "))).join("");
}

/**
 * "…,note:12-see_here" -> [{place: "12", text: "see here"}]; whatever is not understood is left out.
 * @param {unknown} state @returns {Pin[]}
 */
export function parsePins(state) {
  const pins = String(state || "").split(",").flatMap((part) => {
    const match = PIN.exec(part);
    if (!match) return [];
    try {
      const text = pinText(unpackText(match[2]));
      return text && text.length <= LONGEST_PIN ? [{ place: match[1], text }] : [];
    } catch {
      return [];
    }
  });
  return pins.slice(0, MOST_PINS);
}

/** @param {Pin[] | undefined} pins @returns {string[]} */
export const formatPins = (pins) => (pins || []).map(({ place, text }) => "note:" + place + "-" + packText(text));
