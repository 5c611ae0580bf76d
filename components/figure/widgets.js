// What figures are built of: switches, legend, caption, details, tooltip, text cells. Each shows what it is given.

import { piecesOf } from "./words.js";

let instances = 0; // radio groups need names of their own on a page with several figures

// A name for an element that no other figure of its kind on this page has.
export function uniqueId(kind) {
  instances += 1;
  return kind + "-" + instances;
}

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// A row of radio buttons drawn as one switch. choices: [[value, text]…]. Returns {node, set(value)}.
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
  const set = (value) => inputs.forEach((input) => (input.checked = input.value === value));
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

  // ends: {low, high, about} as texts.
  show(palette, signed, ends) {
    const full = (rgb, alpha) => "rgba(" + rgb.join(", ") + ", " + alpha + ")";
    const left = signed ? full(palette.negative, 1) + ", " + full(palette.negative, 0) + ", " : "";
    const right = full(palette.positive, 0) + (signed ? " 50%" : "") + ", " + full(palette.positive, 1);
    this.bar.style.backgroundImage = "linear-gradient(to right, " + left + right + ")";
    this.bar.classList.toggle("ss-signed", signed);
    this.low.textContent = ends.low;
    this.high.textContent = ends.high;
    this.about.textContent = ends.about;
  }
}

// Fills a node with a caption: the model's text in <bdi>, set apart; the rest as it is.
export function fillCaption(node, parts) {
  node.textContent = "";
  parts.forEach((part) => {
    if (typeof part === "string") return node.appendChild(document.createTextNode(part));
    node.appendChild(document.createTextNode("‘"));
    node.appendChild(element("bdi", "ss-quote", part.quote));
    return node.appendChild(document.createTextNode("’"));
  });
}

// [label, value] pairs as a description list.
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
  constructor(root) {
    this.root = root;
    this.node = element("div", "ss-tip");
    this.node.setAttribute("aria-hidden", "true");
    this.title = this.node.appendChild(element("bdi", "ss-tip-title"));
    this.pairs = this.node.appendChild(element("dl", "ss-pairs"));
    this.hide();
  }

  // box: the cell on the screen, {left, top, width, height}; the tip stands above it, or beside it in a grid, or "below".
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

// The text of a cell as nodes; spaces and line breaks at its ends are given back, to stand outside its box.
export function appendPieces(parent, text) {
  const outside = { before: "", after: "" };
  piecesOf(text).forEach((piece, i) => {
    if (piece.kind === "space") outside[i === 0 ? "before" : "after"] += piece.text;
    else if (piece.kind === "mark") parent.appendChild(element("span", "ss-mark", piece.text));
    else parent.appendChild(document.createTextNode(piece.text));
  });
  const tail = parent.lastChild;
  if (tail && tail.nodeType === 3 && tail.nodeValue.endsWith("\n")) {
    // A break inside the coloured box would paint a sliver at the start of the next line.
    tail.nodeValue = tail.nodeValue.slice(0, -1);
    outside.after = "\n" + outside.after;
  }
  return outside;
}
