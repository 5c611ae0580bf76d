// The figure: factors and tokens, each pointing to the other. mount(root, value, {emit}) is all a page needs.

import { mounting, tokenName } from "../figure/base.js";
import { byKeyboard, cellAround, closest, setLook, stepOf } from "../figure/widgets.js";
import { readFactors, strongestFactor } from "./model.js";
import { buildFactors, SHOWN_AT_FIRST, Sparkline } from "./parts.js";
import { FactorsReading } from "./reading.js";
import { formatState, parseState } from "./state.js";
/** @import { Contract, Emit, Mount } from "../figure/contract.js" */
/** @import { Span, Token } from "../figure/types.js" */
/** @import { FactorSettings, FactorsKind, FactorsValue, Over } from "./types.js" */

const NO_FACTORS = "Nothing to show yet. Write a text and press Run.";

/** @implements {Contract<FactorsKind>} */
class Factors extends FactorsReading {
  /** @param {HTMLElement} root @param {Emit} [emit] */
  constructor(root, emit) {
    super(root, emit, { name: "neuron factors", empty: NO_FACTORS });
    /** @type {FactorSettings} */
    this.settings = { pins: [], factor: null, token: null, more: false };
    this.parts = buildFactors(root, { more: () => this.change({ more: !this.settings.more }) });
    this.listen(this.parts.list, ".sn-factor", "f", "factor");
    this.listen(this.parts.text, ".ss-cell", "t", "token");
    this.parts.stage.addEventListener("click", (event) => {
      if (!closest(event, ".sn-factor, .ss-cell, button")) this.change({ factor: null, token: null });
    });
    this.onEscape(() => this.change({ factor: null, token: null }));
    this.follow();
  }

  /** @param {HTMLElement} host @param {string} selector @param {"f" | "t"} key @param {"factor" | "token"} name */
  listen(host, selector, key, name) {
    const at = (/** @type {Event} */ event) => {
      const node = closest(event, selector);
      return node && host.contains(node) ? Number(node.dataset[key]) : null;
    };
    const over = (/** @type {Event} */ event) => {
      const place = at(event);
      return place === null ? null : name === "factor" ? { factor: place } : { token: place };
    };
    /** @returns {HTMLElement[]} */
    const nodes = () => Array.from(host.querySelectorAll(selector));
    host.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.hover(over(event));
    });
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("focusin", (event) => {
      if (at(event) !== null && byKeyboard(event)) this.hover(over(event));
    });
    host.addEventListener("focusout", () => this.hover(null));
    host.addEventListener("click", (event) => {
      const place = at(event);
      if (place !== null) this.pin(name, place);
    });
    host.addEventListener("keydown", (event) => this.key(event, at(event), nodes(), { name, key }));
  }

  /**
   * @param {KeyboardEvent} event @param {number | null} at @param {HTMLElement[]} list
   * @param {{ name: "factor" | "token", key: "f" | "t" }} of
   */
  key(event, at, list, { name, key }) {
    if (at === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = list.findIndex((node) => Number(node.dataset[key]) === at);
    const step = stepOf(event);
    const chosen = event.key === "Enter" || event.key === " ";
    if (!step && !chosen) return;
    event.preventDefault();
    const next = chosen ? list[place] : list[place + step];
    if (!next) return;
    next.focus();
    this.pin(name, Number(next.dataset[key]), !chosen);
  }

  /** @param {FactorsValue} data */
  load(data) {
    this.model = readFactors(data);
  }

  begin() {
    this.over = null;
    this.carded = undefined;
    const { model, parts } = this;
    const fresh = { factor: model.selected >= 0 ? model.selected : null, token: null, more: false };
    Object.assign(this.settings, fresh, parseState(model.state, model.factors.length, model.tokens.length));
    parts.hint.textContent = "Each token has the colour of its strongest factor. Point at a factor to see where it is active.";
  }

  /** @returns {string} */
  state() {
    return formatState(this.settings);
  }

  /** @param {Partial<FactorSettings>} part */
  change(part) {
    const before = this.state();
    Object.assign(this.settings, part);
    this.over = null;
    this.paint();
    if (!this.announce(before)) return;
    const { token, factor } = this.settings;
    clearTimeout(this.telling);
    if (token !== null) this.tellPython([token], this.model.tokens[token].text);
    else if (factor !== null) this.tellPython([factor], "factor " + this.model.factors[factor].number);
  }

  /** @returns {Token[]} */
  words() {
    return this.model.tokens;
  }

  /** @returns {Span | null} */
  pinned() {
    const { token } = this.settings;
    return token === null ? null : [token, token];
  }

  /** @param {number} first */
  choose(first) {
    this.change({ token: first });
  }

  /**
   * A click on what is pinned lets it go, except when arrow keys lead there.
   * @param {"factor" | "token"} name @param {number} at @param {boolean} [stay]
   */
  pin(name, at, stay) {
    this.change({ [name]: this.settings[name] === at && !stay ? null : at });
  }

  /** @param {Over | null} over */
  hover(over) {
    if (!this.model || JSON.stringify(over) === JSON.stringify(this.over)) return;
    this.over = over;
    this.paint();
    this.showTip();
  }

  /**
   * A place of a note is a token's number, or "f3" for the third factor.
   * @param {Element} node @returns {string | null}
   */
  placeOf(node) {
    /** @type {HTMLElement | null} */
    const factor = node.closest(".sn-factor");
    const cell = cellAround(node);
    return factor ? "f" + (Number(factor.dataset.f) + 1) : cell && cell.dataset.t !== undefined ? cell.dataset.t : null;
  }

  /** @returns {string | null} */
  pinPlace() {
    const { factor, token } = this.settings;
    return factor !== null ? "f" + (factor + 1) : token === null ? null : String(token);
  }

  /** @param {string} place @returns {string | null} */
  nameOf(place) {
    if (!place.startsWith("f")) return tokenName(this.model.tokens, place);
    const factor = this.model.factors[Number(place.slice(1)) - 1];
    return factor ? "Factor " + factor.number : null;
  }

  /** @param {string} place @returns {string | null} */
  titleOf(place) {
    return this.nameOf(place);
  }

  /** @param {string} place @returns {HTMLElement[]} */
  nodesOf(place) {
    const node = place.startsWith("f") ? this.lines[Number(place.slice(1)) - 1].node : this.cells[Number(place)];
    return node ? [node] : [];
  }

  /** @param {string} place */
  visit(place) {
    if (place.startsWith("f")) this.change({ factor: Number(place.slice(1)) - 1, token: null });
    else this.change({ factor: null, token: Number(place) });
  }

  rebuild() {
    const { model, parts } = this;
    parts.list.textContent = "";
    this.lines = model.factors.map((factor) => new Sparkline(factor, model.tokens));
    this.lines.forEach((line) => parts.list.appendChild(line.node));
    this.fillText();
    this.paint();
  }

  paint() {
    if (!this.model) return;
    const { model, settings, over, parts } = this;
    const token = over && "token" in over ? over.token : settings.token;
    const factor = over && "factor" in over ? over.factor : over ? null : settings.factor;
    this.lines.forEach((line, f) => {
      line.node.hidden = !settings.more && f >= SHOWN_AT_FIRST && settings.factor !== f;
      line.mark(token === null ? -1 : token, f === factor, f === settings.factor);
      line.node.tabIndex = f === (settings.factor || 0) ? 0 : -1;
    });
    const rest = model.factors.length - SHOWN_AT_FIRST;
    parts.more.hidden = rest <= 0;
    parts.more.textContent = settings.more ? "Show fewer" : "Show " + rest + " more";
    const seen = new Set();
    this.cells.forEach((cell, i) => {
      if (seen.has(cell)) return;
      seen.add(cell);
      const f = factor === null ? strongestFactor(model, i) : factor;
      const part = f < 0 ? 0 : Math.max(0, model.factors[f].values[i] / (model.factors[f].most || 1)) || 0;
      const look = f >= 0 && part > 0.04 ? " sn-tinted sn-hue-" + (f % SHOWN_AT_FIRST) : "";
      const pinned = settings.token !== null && this.cells[settings.token] === cell;
      setLook(cell, look + (pinned ? " ss-pinned" : ""));
      cell.style.setProperty("--sn-part", (100 * part).toFixed(0) + "%");
      cell.setAttribute("aria-selected", pinned ? "true" : "false");
    });
    this.read(factor, token);
    this.fillCard(settings.factor === null ? null : model.factors[settings.factor]);
  }
}

/** @type {Mount<FactorsValue>} */
export const mount = mounting(Factors);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
