// What every figure does alike: the empty state, the foot, light and dark, and telling the page what is looked at.
// A figure gives load(data), which sets this.model, begin(), rebuild(), paint(), state(), what Pins asks for, and this.parts.
// It takes part in the one selection of a page by words(), its tokens, pinned(), the first and last of those selected or
// null, and choose(first, last), which selects others.

import { isDark, Palette, watchTheme } from "./palette.js";
import { parsePins } from "./pin-text.js";
import { Pins } from "./pins.js";
import { element, fillPairs } from "./widgets.js";
import { labelOf, plainText } from "./words.js";

export class Figure {
  // name: what the console calls it. empty: what it says before there is anything to show.
  constructor(root, emit, { name, empty }) {
    root.classList.add("seqscope-figure"); // a page may have made it with the figure's own class alone
    Object.assign(this, { root, emit: emit || (() => {}), name, empty, hovered: null, model: null, telling: 0 });
    this.editable = Boolean(emit); // whether notes may be written: somebody keeps the link
    this.settings = { pins: [] };
  }

  // Called once the parts are there. Gradio takes figures from the page without a word, so the watcher looks.
  follow() {
    const { root } = this;
    this.pins = new Pins(this, this.editable);
    this.stopTheme = watchTheme(root, () => (root.isConnected ? this.retheme() : this.destroy()));
    this.taking = () => this.take();
    window.addEventListener("seqscope:selection", this.taking);
    this.retheme();
  }

  // clear() lets go of what is pinned.
  onEscape(clear) {
    this.keydown = (event) => event.key === "Escape" && clear();
    this.root.addEventListener("keydown", this.keydown);
  }

  update(value) {
    delete this.root.dataset.stale;
    this.hovered = null;
    this.model = null;
    this.hideTips();
    try {
      const data = typeof value === "string" && value ? JSON.parse(value) : value;
      if (data) this.load(data);
    } catch (error) {
      console.error("Seqscope " + this.name + ":", error);
      this.model = null;
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

  // A place that notes are pinned to is a token's number, unless a figure has others.
  nameOf(place) {
    const token = /^\d+$/.test(place) ? this.model.tokens[Number(place)] : null;
    return token ? labelOf(token.text, 24) : null;
  }

  // What stands at a place now, perhaps a longer unit of text.
  titleOf(place) {
    return this.nameOf(place);
  }

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

  // Told to screen readers on a pin, not while the pointer wanders.
  say() {
    if (this.model) this.parts.status.textContent = plainText(this.sentence);
  }

  // Tells the page when the state is another than before. Returns whether it is.
  announce(before) {
    const state = this.state();
    this.pins.touched = null;
    this.pins.show();
    this.say();
    if (state === before) return false;
    const detail = { state, quiet: this.led === true };
    this.root.dispatchEvent(new CustomEvent("seqscope:view", { bubbles: true, composed: true, detail }));
    if (!this.led) this.give();
    return !this.led;
  }

  // Lets the other figures of the page know what is pinned.
  give() {
    const at = this.pinned ? this.pinned() : null;
    const shared = window.Seqscope.selection;
    if (!at || (shared && shared.by === this && String(shared.at) === String(at))) return;
    window.Seqscope.selection = { by: this, at, words: this.wordsRead() };
    window.dispatchEvent(new CustomEvent("seqscope:selection"));
  }

  // Selects what is pinned in another figure, where this one shows the same text, or the end of it.
  take() {
    const shared = window.Seqscope.selection;
    if (!shared || shared.by === this || !this.model || !this.words) return;
    const words = this.wordsRead();
    const common = Math.min(words.length, shared.words.length);
    const end = (list) => JSON.stringify(list.slice(list.length - common));
    const [first, last] = shared.at.map((i) => i + words.length - shared.words.length);
    if (common === 0 || first < 0 || end(words) !== end(shared.words)) return;
    this.led = true;
    this.choose(first, last);
    this.led = false;
  }

  wordsRead() {
    return this.words().map((token) => token.segment + " " + token.text);
  }

  // Tells Python what is pinned. Arrow keys may pin ten tokens a second; only the one they stop at is worth a request.
  tellPython(index, value) {
    const detail = { index, value, state: this.state() };
    this.telling = setTimeout(() => this.emit(detail), 250);
  }

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

// mount(root, value, {emit}) draws value (a payload, its JSON, or nothing) into root.
// emit(detail) is called with {index, value, state} when the visitor pins something.
export function mounting(Kind) {
  return (root, value, options) => {
    const figure = new Kind(root, options && options.emit);
    figure.update(value);
    return { update: (next) => figure.update(next), destroy: () => figure.destroy() };
  };
}
