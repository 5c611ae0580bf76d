// The figure: why A rather than B, at one place of the output. mount(root, value, {emit}) is all a page needs.

import { mounting, tokenName } from "../figure/base.js";
import { Flow } from "../figure/flow.js";
import { ranked, tableOf } from "../figure/scores.js";
import { cellAround } from "../figure/widgets.js";
import { labelOf } from "../figure/words.js";
import { readContrast } from "./model.js";
import { buildContrast, fillBars } from "./parts.js";
import { ContrastReading } from "./reading.js";
import { formatState, parseState } from "./state.js";
/** @import { ContrastChoice, ContrastKind, ContrastSettings, ContrastValue } from "./types.js" */
/** @import { Contract, Emit, Mount } from "../figure/contract.js" */
/** @import { Span, Token } from "../figure/types.js" */

const NOTHING = "Nothing to show yet. Write a prompt and what it is compared with, and press Run.";

/** @implements {Contract<ContrastKind>} */
class Contrast extends ContrastReading {
  /** @param {HTMLElement} root @param {Emit} [emit] */
  constructor(root, emit) {
    super(root, emit, { name: "contrastive", empty: NOTHING });
    /** @type {ContrastSettings} */
    this.settings = { pins: [], sel: [0, 0], unit: "word", show: "difference", lines: "p" };
    const set = (/** @type {keyof ContrastSettings} */ key) => (/** @type {string} */ value) => this.change({ [key]: value });
    this.parts = buildContrast(root, {
      show: set("show"), unit: set("unit"), lines: set("lines"), swap: () => this.ask("swap", this.b()),
    });
    this.flow = new Flow(this.parts.flow, {
      hover: (u) => this.hover(u), pick: (u) => this.pick(u), clear: () => {},
    });
    this.follow();
  }

  /** @param {ContrastValue} data */
  load(data) {
    this.model = readContrast(data);
  }

  begin() {
    const { model } = this;
    const first = model.compared.length ? model.compared[0] : 0;
    /** @type {Partial<ContrastSettings>} */
    const fresh = { sel: [first, first], unit: "word", show: "difference", lines: "p" };
    Object.assign(this.settings, fresh, parseState(model.state, model.columns));
    this.settings.sel[1] = this.settings.sel[0];
  }

  /** @returns {string} */
  state() {
    return formatState(this.settings);
  }

  /** @param {Partial<ContrastSettings>} part */
  change(part) {
    const before = this.state();
    Object.assign(this.settings, part);
    this.hovered = null;
    this.parts.tip.hide();
    if ("unit" in part) this.rebuild();
    else this.paint();
    this.announce(before);
  }

  /**
   * Something that needs the server: another B, or A and B swapped. The page fills its form and runs.
   * @param {"contrast" | "swap"} what @param {ContrastChoice | null} choice
   */
  ask(what, choice) {
    if (!choice) return;
    const column = this.column();
    const texts = this.model.generated.map((i) => this.model.tokens[i]).map((token) => (token.special ? "" : token.text));
    const detail = { ask: what, column, id: choice.id, text: choice.text };
    Object.assign(detail, { before: texts.slice(0, column).join(""), written: texts.join("") });
    this.emit({ index: this.settings.sel, value: choice.text, ...detail });
  }

  /** @returns {Token[]} */
  words() {
    return this.model.tokens;
  }

  /** @returns {Span} */
  pinned() {
    const token = this.model.generated[this.column()];
    return [token, token];
  }

  /** Where A and B do not differ there is nothing to see. @param {number} first @param {number} last */
  choose(first, last) {
    const column = this.model.compared.find((c) => this.model.generated[c] >= first && this.model.generated[c] <= last);
    if (column !== undefined) this.change({ sel: [column, column] });
  }

  /** @param {number} u */
  pick(u) {
    const unit = this.table.units[u];
    if (unit.c0 < 0) return;
    const inside = this.model.compared.find((c) => c >= unit.c0 && c <= unit.c1);
    const column = inside === undefined ? unit.c0 : inside;
    this.change({ sel: [column, column] });
  }

  /** @param {number | null} u */
  hover(u) {
    if (u === this.hovered || !this.model) return;
    this.hovered = u;
    const { tip } = this.parts;
    if (u === null) return tip.hide();
    const pairs = this.threeNumbers(u);
    const box = this.flow.cells[u].getClientRects()[0];
    if (box && pairs.length) tip.show(box, labelOf(this.table.units[u].text, 40), pairs, false);
    else tip.hide();
  }

  rebuild() {
    const { model, parts, settings } = this;
    this.table = tableOf(model.models.difference, settings.unit);
    this.flow.build(model.models.difference, this.table, false);
    parts.unit.set(settings.unit);
    this.paint();
  }

  paint() {
    if (!this.model) return;
    const { model, settings, table, palette, parts } = this;
    parts.show.set(settings.show);
    parts.lines.set(settings.lines);
    const show = model.models[settings.show] ? settings.show : "difference";
    const values = Float64Array.from(this.valuesOf(show));
    const ranking = ranked(values, null);
    const focus = new Set([table.unitOfToken[model.generated[this.column()]]]);
    const part = (/** @type {number} */ value) => (ranking.max > 0 ? Math.abs(value) / ranking.max : 0);
    // Towards B, the hue of B stands for support.
    const hue = (/** @type {number} */ value) => palette.shade(show === "b" ? -value : value, part(value));
    const stops = ["source", "prompt", "generated"].map((name) => table.units.findIndex((u) => u.segment === name));
    this.flow.paint({
      ranking, part, colour: hue, solid: hue, focus, pinned: new Set(),
      dimAfter: Math.max(...focus), tabStops: [...focus, ...stops.filter((u) => u >= 0).slice(0, 2)],
    });
    this.paintHead();
    this.paintLegend(show, ranking.max);
    const choose = (/** @type {ContrastChoice} */ choice) => this.ask("contrast", choice);
    const [a, b] = [this.a(), this.b()];
    fillBars(parts.bars, model.slot ? model.top[this.column()] || [] : [], { a: a ? a.id : null, b: b ? b.id : null }, choose);
    this.paintPair();
    this.read(show, ranking);
    this.paintLayers();
  }

  /** @param {Element} node @returns {string | null} */
  placeOf(node) {
    const cell = cellAround(node);
    return cell && cell.dataset.u !== undefined ? String(this.table.units[Number(cell.dataset.u)].first) : null;
  }

  /** @returns {string} */
  pinPlace() {
    return String(this.model.generated[this.column()]);
  }

  /** @param {string} place @returns {string | null} */
  nameOf(place) {
    return tokenName(this.model.tokens, place);
  }

  /** @param {string} place @returns {string} */
  titleOf(place) {
    return labelOf(this.table.units[this.table.unitOfToken[Number(place)]].text, 24);
  }

  /** @param {string} place @returns {HTMLElement[]} */
  nodesOf(place) {
    const cell = this.flow.cells[this.table.unitOfToken[Number(place)]];
    return cell ? [cell] : [];
  }

  /** @param {string} place */
  visit(place) {
    this.pick(this.table.unitOfToken[Number(place)]);
  }

  destroy() {
    clearTimeout(this.flow.leaving);
    super.destroy();
  }
}

/** @type {Mount<ContrastValue>} */
export const mount = mounting(Contrast);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
