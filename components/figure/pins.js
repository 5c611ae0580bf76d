// Notes of an author, pinned to tokens or other places of a figure: as text in links, as marks, as a list, as a tour.

import { PinForm, Tour } from "./pin-controls.js";
import { formatPins, LONGEST_PIN, MOST_PINS, pinText } from "./pin-text.js";
import { closest, element, pairOf, Tip, uniqueId } from "./widgets.js";
import { labelOf } from "./words.js";
/** @import { Kind, Whole } from "./contract.js" */
/** @import { Pair, Pin } from "./types.js" */

const DIGITS = ["①", "②", "③", "④", "⑤"];

// The notes of one figure.
export class Pins {
  /** @param {Whole<Kind>} figure @param {boolean} editable */
  constructor(figure, editable) {
    this.figure = figure;
    this.editable = editable;
    /** @type {string | null} */
    this.touched = null; // what was clicked last
    /** @type {string | null} */
    this.place = null; // what a new note would be pinned to
    this.at = -1; // the note that the tour is at
    /** @type {HTMLElement[]} */
    this.marked = [];
    this.shown = "";
    this.filled = "";
    this.name = uniqueId("sp");
    this.ending = new AbortController();
    const { frame, badges } = figure.parts;
    this.node = frame.insertBefore(element("section", "sp-pins"), badges);
    this.node.setAttribute("aria-label", "Notes");
    this.tour = new Tour(this.node, (step) => this.walk(step));
    this.list = this.node.appendChild(element("ol", "sp-list"));
    this.form = editable ? new PinForm(this.node, (text) => this.add(text)) : null;
    this.tip = new Tip(figure.root);
    this.tip.node.className = "sp-tip";
    this.tip.title.remove();
    figure.root.appendChild(this.tip.node);
    this.listen(figure.root);
  }

  /** @param {HTMLElement} root */
  listen(root) {
    const heard = { signal: this.ending.signal };
    const at = (/** @type {Event} */ event) => closest(event, "[data-note]");
    root.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.hint(at(event));
    }, heard);
    root.addEventListener("pointerleave", () => this.hint(null), heard);
    root.addEventListener("focusin", (event) => this.hint(at(event)), heard);
    root.addEventListener("focusout", () => this.hint(null), heard);
    root.addEventListener("click", (event) => {
      const { target } = event;
      const place = this.figure.model && target instanceof Element ? this.figure.placeOf(target) : null;
      if (place === null || this.node.contains(/** @type {Node} */ (target))) return;
      this.touched = place;
      this.offer();
    }, heard);
  }

  destroy() {
    this.ending.abort();
  }

  /** @returns {Pin[]} */
  all() {
    return this.figure.settings.pins || [];
  }

  /**
   * The notes at a place as [label, text] pairs, for tips of places that are no elements.
   * @param {string} place @returns {Pair[]}
   */
  pairsOf(place) {
    return this.all().flatMap((pin, i) => (pin.place === place ? [pairOf("Note " + (i + 1), labelOf(pin.text, LONGEST_PIN))] : []));
  }

  /** The digits in front of a name that is drawn, not an element. @param {string} place @returns {string} */
  prefixOf(place) {
    const digits = this.all().flatMap((pin, i) => (pin.place === place ? [DIGITS[i]] : []));
    return digits.length ? digits.join("") + " " : "";
  }

  // Fits marks, list, tour and form to the figure; called whenever either may have changed.
  show() {
    const { figure } = this;
    const pins = this.all();
    const state = formatPins(pins).join();
    if (state !== this.shown) this.at = -1;
    const before = this.marked;
    this.mark(pins);
    const { marked } = this;
    const same = state === this.shown && before.length === marked.length && before.every((node, i) => node === marked[i]);
    if (!same && figure.moved) figure.moved(); // marks take room between the words
    const filled = JSON.stringify(pins.map(({ place, text }) => [figure.titleOf(place), text]));
    if (filled !== this.filled) this.fill(pins);
    this.shown = state;
    this.filled = filled;
    this.list.hidden = pins.length === 0;
    this.tour.show(pins.length, this.at, this.at < 0 ? "" : this.sentence(this.at));
    Array.from(this.list.children, (item, i) => item.classList.toggle("sp-here", i === this.at));
    this.offer();
    this.node.hidden = pins.length === 0 && !this.form;
  }

  /** @param {number} i @returns {string} */
  sentence(i) {
    const { place, text } = this.all()[i];
    return "at ‘" + this.figure.titleOf(place) + "’: " + labelOf(text, LONGEST_PIN);
  }

  /** @param {Pin[]} pins */
  mark(pins) {
    this.marked.forEach((node) => {
      delete node.dataset.note;
      node.removeAttribute("aria-describedby");
    });
    this.marked = [];
    pins.forEach((pin, i) => this.figure.nodesOf(pin.place).forEach((node) => {
      node.dataset.note = node.dataset.note ? node.dataset.note + " " + (i + 1) : String(i + 1);
      node.setAttribute("aria-describedby", this.idOf(i));
      this.marked.push(node);
    }));
  }

  /** @param {number} i @returns {string} */
  idOf(i) {
    return this.name + "-" + i;
  }

  /** @param {Pin[]} pins */
  fill(pins) {
    this.list.textContent = "";
    pins.forEach((pin, i) => {
      const item = this.list.appendChild(element("li", "sp-pin"));
      const name = this.figure.titleOf(pin.place) || "";
      const go = item.appendChild(element("button", "sp-number", String(i + 1)));
      go.type = "button";
      go.setAttribute("aria-label", "Note " + (i + 1) + ", at ‘" + name + "’");
      go.addEventListener("click", () => this.visit(i));
      const words = item.appendChild(element("span", "sp-words"));
      words.id = this.idOf(i);
      words.append(element("bdi", "sp-name", name), " ", element("bdi", "sp-text", labelOf(pin.text, LONGEST_PIN)));
      if (!this.editable) return;
      const remove = item.appendChild(element("button", "sp-remove", "×"));
      remove.type = "button";
      remove.setAttribute("aria-label", "Remove note " + (i + 1));
      remove.addEventListener("click", () => this.remove(i));
    });
  }

  // What a new note would be pinned to: what was clicked last, else what is selected.
  offer() {
    if (!this.form) return;
    const place = this.touched === null ? this.figure.pinPlace() : this.touched;
    this.place = place !== null && this.figure.nameOf(place) !== null ? place : null;
    this.form.show(this.place === null ? null : this.figure.titleOf(this.place));
  }

  /** Returns why the note is refused, "" when it is added. @param {string} written @returns {string} */
  add(written) {
    const text = pinText(written);
    if (!text) return "Write a few words first.";
    if (text.length > LONGEST_PIN) return "A note has at most " + LONGEST_PIN + " characters; this one has " + text.length + ".";
    if (this.all().length >= MOST_PINS) return "A figure holds five notes. Remove one to add another.";
    if (this.place === null) return "Point at a word and click it first.";
    this.figure.change({ pins: [...this.all(), { place: this.place, text }] });
    return "";
  }

  /** @param {number} i */
  remove(i) {
    this.figure.change({ pins: this.all().filter((_, k) => k !== i) });
    const next = this.list.querySelectorAll(".sp-remove")[Math.max(0, i - 1)];
    if (next instanceof HTMLElement) next.focus();
    else if (this.form) this.form.open.focus();
  }

  /** @param {number} step */
  walk(step) {
    const count = this.all().length;
    this.visit(this.at < 0 ? (step > 0 ? 0 : count - 1) : (this.at + step + count) % count);
  }

  /** @param {number} i */
  visit(i) {
    const { place } = this.all()[i];
    this.at = i;
    this.figure.visit(place);
    this.at = i;
    this.show();
    const [node] = this.figure.nodesOf(place);
    if (node) node.scrollIntoView({ block: "nearest" });
    this.hint(node || null);
  }

  /** Shows the notes of an element below it. @param {HTMLElement | null} node */
  hint(node) {
    if (!node || !node.dataset.note) return this.tip.hide();
    const numbers = node.dataset.note.split(" ");
    const pairs = numbers.map((n) => pairOf(n, labelOf((this.all()[Number(n) - 1] || { text: "" }).text, LONGEST_PIN)));
    const box = node.getClientRects()[0];
    return box ? this.tip.show(box, "", pairs, "below") : this.tip.hide();
  }
}
