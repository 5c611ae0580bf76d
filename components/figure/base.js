// What every figure does alike: the empty state, the foot, light and dark, and telling the page what is looked at.

import { isDark, Palette, watchTheme } from "./palette.js";
import { parsePins } from "./pin-text.js";
import { Pins } from "./pins.js";
import { element, fillPairs, later } from "./widgets.js";
import { labelOf, plainText } from "./words.js";
/** @import { Emit, Kind, Mount, Whole } from "./contract.js" */
/** @import { Caption } from "./types.js" */

/** The base of every figure, which adds what `Contract` lists. @template {Kind} K */
export class Figure {
  /**
   * name: what the console calls it. empty: what it says before there is anything to show.
   * @param {HTMLElement} root @param {Emit | undefined} emit @param {{ name: string, empty: string }} names
   */
  constructor(root, emit, { name, empty }) {
    root.classList.add("seqscope-figure"); // a page may have made it with the figure's own class alone
    this.root = root;
    this.emit = emit || (() => {});
    this.name = name;
    this.empty = empty;
    /** @type {K["model"]} */
    this.model = later();
    /** @type {K["parts"]} */
    this.parts = later();
    /** @type {K["settings"]} */
    this.settings = later();
    /** @type {Palette} */
    this.palette = later();
    /** @type {Pins} */
    this.pins = later();
    /** @type {Caption} */
    this.sentence = [];
    this.telling = 0;
    this.editable = Boolean(emit); // whether notes may be written: somebody keeps the link
    this.drawn = false; // whether it has shown anything yet
    this.led = false; // whether it is following another figure
    this.stopTheme = () => {};
    this.taking = () => {};
    /** @type {((event: KeyboardEvent) => void) | null} */
    this.keydown = null;
  }

  /**
   * Called once the parts are there. Gradio takes figures from the page without a word, so the watcher looks.
   * @this {Whole<K>}
   */
  follow() {
    const { root } = this;
    this.pins = new Pins(this, this.editable);
    this.stopTheme = watchTheme(root, () => (root.isConnected ? this.retheme() : this.destroy()));
    this.taking = () => this.take();
    window.addEventListener("seqscope:selection", this.taking);
    this.retheme();
  }

  /** clear() lets go of what is pinned. @param {() => void} clear */
  onEscape(clear) {
    this.keydown = (event) => {
      if (event.key === "Escape") clear();
    };
    this.root.addEventListener("keydown", this.keydown);
  }

  /** Lets go of what is pointed at, before another value is drawn. */
  forget() {}

  /** @this {Whole<K>} @param {K["value"] | string | null} [value] */
  update(value) {
    delete this.root.dataset.stale;
    this.forget();
    this.model = later();
    this.hideTips();
    try {
      const data = typeof value === "string" && value ? JSON.parse(value) : value;
      if (data) this.load(data);
    } catch (error) {
      console.error("Seqscope " + this.name + ":", error);
      this.model = later();
      return this.blank("This figure cannot be drawn: its data is damaged.");
    }
    if (!this.model) return this.blank(this.empty);
    this.begin();
    this.settings.pins = parsePins(this.model.state).filter((pin) => this.nameOf(pin.place) !== null);
    this.parts.empty.hidden = true;
    this.parts.frame.hidden = false;
    this.fillFoot();
    this.rebuild();
    // What an example or a link says of the selection counts, except when the tab is opened for the first time.
    if (!this.drawn || !/\bsel:/.test(this.model.state)) this.take();
    this.drawn = true;
    this.pins.show();
  }

  /** @param {string} text */
  blank(text) {
    this.parts.frame.hidden = true;
    this.parts.empty.hidden = false;
    this.parts.empty.textContent = text;
  }

  fillFoot() {
    const { model, parts } = this;
    fillPairs(parts.badges, model.badges.map((badge) => [String(badge.label), String(badge.text)]));
    this.fillNotes();
  }

  fillNotes() {
    const { model, parts } = this;
    parts.notes.textContent = "";
    model.notes.forEach((note) => parts.notes.appendChild(element("li", "", String(note))));
    parts.notes.hidden = model.notes.length === 0;
  }

  hideTips() {
    this.parts.tip.hide();
  }

  /** Told to screen readers on a pin, not while the pointer wanders. */
  say() {
    if (this.model) this.parts.status.textContent = plainText(this.sentence);
  }

  /**
   * Tells the page when the state is another than before. Returns whether Python is to hear of it.
   * @this {Whole<K>} @param {string} before @returns {boolean}
   */
  announce(before) {
    const state = this.state();
    this.pins.touched = null;
    this.pins.show();
    this.say();
    if (state === before) return false;
    const detail = { state, quiet: this.led };
    this.root.dispatchEvent(new CustomEvent("seqscope:view", { bubbles: true, composed: true, detail }));
    if (!this.led) this.give();
    return !this.led;
  }

  /** Lets the other figures of the page know what is pinned. @this {Whole<K>} */
  give() {
    const at = this.pinned();
    const shared = window.Seqscope.selection;
    if (!at || (shared && shared.by === this && String(shared.at) === String(at))) return;
    window.Seqscope.selection = { by: this, at, words: this.wordsRead() };
    window.dispatchEvent(new CustomEvent("seqscope:selection"));
  }

  /**
   * Selects what is pinned in another figure, where this one shows the same text, or the end of it.
   * @this {Whole<K>}
   */
  take() {
    const shared = window.Seqscope.selection;
    if (!shared || shared.by === this || !this.model) return;
    const words = this.wordsRead();
    const common = Math.min(words.length, shared.words.length);
    const end = (/** @type {string[]} */ list) => JSON.stringify(list.slice(list.length - common));
    const [first, last] = shared.at.map((i) => i + words.length - shared.words.length);
    if (common === 0 || first < 0 || end(words) !== end(shared.words)) return;
    this.led = true;
    this.choose(first, last);
    this.led = false;
  }

  /** @this {Whole<K>} @returns {string[]} */
  wordsRead() {
    return this.words().map((token) => token.segment + " " + token.text);
  }

  /**
   * Tells Python what is pinned. Arrow keys may pin ten tokens a second; only the one they stop at is worth a request.
   * @this {Whole<K>} @param {number[]} index @param {string} value
   */
  tellPython(index, value) {
    const detail = { index, value, state: this.state() };
    this.telling = setTimeout(() => this.emit(detail), 250);
  }

  /** @this {Whole<K>} */
  retheme() {
    const name = isDark(this.root) ? "dark" : "light";
    if (this.palette && this.palette.name === name) return;
    this.palette = new Palette(name);
    this.root.dataset.theme = name;
    this.paint();
  }

  destroy() {
    clearTimeout(this.telling);
    this.stopTheme();
    this.pins.destroy();
    window.removeEventListener("seqscope:selection", this.taking);
    if (this.keydown) this.root.removeEventListener("keydown", this.keydown);
    this.root.textContent = "";
  }
}

/**
 * The name of a token, which is the place of a note in most figures; null where there is no such token.
 * @param {{ text: string }[]} tokens @param {string} place @returns {string | null}
 */
export function tokenName(tokens, place) {
  const token = /^\d+$/.test(place) ? tokens[Number(place)] : null;
  return token ? labelOf(token.text, 24) : null;
}

/**
 * mount(root, value, {emit}) draws value (a payload, its JSON, or nothing) into root.
 * emit(detail) is called with {index, value, state} when the visitor pins something.
 * @template {Kind} K @param {new (root: HTMLElement, emit?: Emit) => Whole<K>} Drawn @returns {Mount<K["value"]>}
 */
export function mounting(Drawn) {
  return (root, value, options) => {
    const figure = new Drawn(root, options && options.emit);
    figure.update(value);
    return { update: (next) => figure.update(next), destroy: () => figure.destroy() };
  };
}
