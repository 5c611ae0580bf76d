// What figures are built of: switches, legend, caption, details, tooltip, text cells. Each shows what it is given.

import { piecesOf } from "./words.js";
/** @import { Palette } from "./palette.js" */
/** @import { Box, Caption, Choice, Pair, Switch } from "./types.js" */

let instances = 0; // radio groups need names of their own on a page with several figures

/** A name for an element that no other figure of its kind on this page has. @param {string} kind @returns {string} */
export function uniqueId(kind) {
  instances += 1;
  return kind + "-" + instances;
}

/**
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} [className] @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/**
 * The nearest element around an event that a selector names, or null.
 * @param {Event} event @param {string} selector @returns {HTMLElement | null}
 */
export function closest(event, selector) {
  const { target } = event;
  return target instanceof Element ? target.closest(selector) : null;
}

/** The cell of text that a node is in, or null. @param {Element} node @returns {HTMLElement | null} */
export const cellAround = (node) => node.closest(".ss-cell");

/** Whether an event's element shows its focus: it came there by keyboard. @param {Event} event @returns {boolean} */
export const byKeyboard = (event) => event.target instanceof Element && event.target.matches(":focus-visible");

/** A label and a text, as lists of pairs have them. @param {string} label @param {string} text @returns {Pair} */
export const pairOf = (label, text) => [label, text];

/**
 * The way that an arrow key leads: -1 back, 1 on, 0 for any other key.
 * @param {KeyboardEvent} event @returns {number}
 */
export function stepOf(event) {
  if (event.key === "ArrowLeft" || event.key === "ArrowUp") return -1;
  return event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : 0;
}

/**
 * Text with what stands before and behind its box.
 * @param {Node} host @param {Node} node @param {{ before: string, after: string }} outside
 */
export function appendAround(host, node, outside) {
  if (outside.before) host.appendChild(document.createTextNode(outside.before));
  host.appendChild(node);
  if (outside.after) host.appendChild(document.createTextNode(outside.after));
}

/** @type {WeakMap<Element, string>} */
const looks = new WeakMap();

/** Classes that an element has besides those it was made with. @param {Element} node @param {string} look */
export function setLook(node, look) {
  if (!looks.has(node)) looks.set(node, node.className);
  node.className = looks.get(node) + look;
}

/**
 * Nothing yet: a place that is filled before anybody looks, by the constructor of a figure, by load or by follow.
 * @template T @returns {T}
 */
export const later = () => /** @type {T} */ (/** @type {unknown} */ (null));

/**
 * A row of radio buttons drawn as one switch. choices: [[value, text]…]. Returns {node, set(value)}.
 * @param {string} name @param {string} label @param {Choice[]} choices @param {(value: string) => void} onChange
 * @returns {Switch}
 */
export function makeSwitch(name, label, choices, onChange) {
  const node = element("div", "ss-switch");
  node.setAttribute("role", "radiogroup");
  node.setAttribute("aria-label", label);
  const inputs = choices.map(([value, text]) => {
    const option = node.appendChild(element("label", "ss-option"));
    const input = option.appendChild(element("input", "ss-radio"));
    input.type = "radio";
    input.name = name;
    input.value = value;
    input.addEventListener("change", () => onChange(value));
    option.appendChild(element("span", "ss-option-text", text));
    return input;
  });
  const set = (/** @type {string} */ value) => inputs.forEach((input) => (input.checked = input.value === value));
  return { node, set };
}

// The colour bar with its numbers.
export class Legend {
  constructor() {
    this.node = element("div", "ss-legend");
    this.low = this.node.appendChild(element("span", "ss-end"));
    this.bar = this.node.appendChild(element("span", "ss-scale"));
    this.bar.setAttribute("aria-hidden", "true");
    this.high = this.node.appendChild(element("span", "ss-end"));
    this.about = this.node.appendChild(element("span", "ss-about"));
  }

  /**
   * ends: {low, high, about} as texts.
   * @param {Palette} palette @param {boolean} signed @param {{ low: string, high: string, about: string }} ends
   */
  show(palette, signed, ends) {
    const full = (/** @type {number[]} */ rgb, /** @type {number} */ alpha) => "rgba(" + rgb.join(", ") + ", " + alpha + ")";
    const left = signed ? full(palette.negative, 1) + ", " + full(palette.negative, 0) + ", " : "";
    const right = full(palette.positive, 0) + (signed ? " 50%" : "") + ", " + full(palette.positive, 1);
    this.bar.style.backgroundImage = "linear-gradient(to right, " + left + right + ")";
    this.bar.classList.toggle("ss-signed", signed);
    this.low.textContent = ends.low;
    this.high.textContent = ends.high;
    this.about.textContent = ends.about;
  }
}

/**
 * Fills a node with a caption: the model's text in <bdi>, set apart; the rest as it is.
 * @param {HTMLElement} node @param {Caption} parts
 */
export function fillCaption(node, parts) {
  node.textContent = "";
  parts.forEach((part) => {
    if (typeof part === "string") return node.appendChild(document.createTextNode(part));
    node.appendChild(document.createTextNode("‘"));
    node.appendChild(element("bdi", "ss-quote", part.quote));
    return node.appendChild(document.createTextNode("’"));
  });
}

/** [label, value] pairs as a description list. @param {HTMLElement} list @param {Pair[]} pairs */
export function fillPairs(list, pairs) {
  list.textContent = "";
  pairs.forEach(([label, value]) => {
    const pair = list.appendChild(element("div", "ss-pair"));
    pair.appendChild(element("dt", "", label));
    pair.appendChild(element("dd", "", value));
  });
  list.hidden = pairs.length === 0;
}

// A small box beside a cell. It takes no events and is not read out: the same facts stand in the caption.
export class Tip {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.node = element("div", "ss-tip");
    this.node.setAttribute("aria-hidden", "true");
    this.title = this.node.appendChild(element("bdi", "ss-tip-title"));
    this.pairs = this.node.appendChild(element("dl", "ss-pairs"));
    this.hide();
  }

  /**
   * box: the cell on the screen, {left, top, width, height}; the tip stands above it, or beside it in a grid, or "below".
   * @param {Box} box @param {string} title @param {Pair[]} pairs @param {boolean | "below"} beside
   */
  show(box, title, pairs, beside) {
    this.title.textContent = title;
    fillPairs(this.pairs, pairs);
    this.node.hidden = false;
    const frame = this.root.getBoundingClientRect();
    const own = this.node.getBoundingClientRect();
    let left = box.left - frame.left + box.width / 2 - own.width / 2;
    let top = box.top - own.height - 8;
    const below = beside === "below";
    if (beside && !below) {
      const right = box.left - frame.left + box.width + 12;
      left = right + own.width < frame.width ? right : box.left - frame.left - own.width - 12;
      top = box.top + box.height / 2 - own.height / 2;
    } else if (top < 4 || below) top = box.top + box.height + 8;
    this.node.style.left = Math.round(Math.max(4, Math.min(left, frame.width - own.width - 4))) + "px";
    this.node.style.top = Math.round(top - frame.top) + "px";
  }

  hide() {
    this.node.hidden = true;
  }
}

/**
 * The text of a cell as nodes; spaces and line breaks at its ends are given back, to stand outside its box.
 * @param {HTMLElement} parent @param {string} text @returns {{ before: string, after: string }}
 */
export function appendPieces(parent, text) {
  const outside = { before: "", after: "" };
  piecesOf(text).forEach((piece, i) => {
    if (piece.kind === "space") outside[i === 0 ? "before" : "after"] += piece.text;
    else if (piece.kind === "mark") parent.appendChild(element("span", "ss-mark", piece.text));
    else parent.appendChild(document.createTextNode(piece.text));
  });
  const tail = parent.lastChild;
  if (tail instanceof Text && tail.data.endsWith("\n")) {
    // A break inside the coloured box would paint a sliver at the start of the next line.
    tail.data = tail.data.slice(0, -1);
    outside.after = "\n" + outside.after;
  }
  return outside;
}
