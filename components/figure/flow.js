// The running text: one cell per unit, coloured or with bars.

import { appendAround, appendPieces, byKeyboard, closest, element, later } from "./widgets.js";
import { directionOf, formatPercent, SPACE } from "./words.js";
/** @import { FlowHandlers, FlowPicture, Segment, Table, Unit } from "./types.js" */

/** @type {Record<Segment, string>} */
const SEGMENT_NAMES = { source: "Source tokens", prompt: "Prompt tokens", generated: "Generated tokens" };

/** Whether the line that a cell stands in runs from the right. @param {HTMLElement} cell @returns {boolean} */
export function isRtl(cell) {
  const line = cell.closest(".ss-line");
  return line instanceof HTMLElement && line.dir === "rtl";
}

/**
 * What a cell was painted with last, so that only changes touch the page.
 * @typedef {{ base: string, look: string, background: string, number: string, fill: string, selected: string,
 *   stop: number, nodes: { bar: HTMLElement, share: HTMLElement } }} Painted
 */

// handlers: hover(u | null), pick(u, extend), clear()
export class Flow {
  /** @param {HTMLElement} host @param {FlowHandlers} handlers */
  constructor(host, handlers) {
    this.host = host;
    this.handlers = handlers;
    /** @type {Table} */
    this.table = later();
    this.percent = false;
    /** @type {HTMLElement[]} */
    this.cells = [];
    /** @type {Painted[]} */
    this.painted = [];
    this.leaving = 0;
    host.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.hover(this.unitAt(event));
    });
    host.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.hover(null);
    });
    host.addEventListener("mousedown", (event) => {
      if (event.shiftKey) event.preventDefault(); // else the browser selects text
    });
    host.addEventListener("focusin", (event) => {
      const u = this.unitAt(event);
      if (u !== null && byKeyboard(event)) this.hover(u);
    });
    host.addEventListener("focusout", () => this.hover(null));
    host.addEventListener("click", (event) => this.click(event));
    host.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {{ n: number }} model @param {Table} table @param {boolean} percent */
  build(model, table, percent) {
    Object.assign(this, { table, percent, cells: [], painted: [] });
    const { host } = this;
    host.textContent = "";
    host.classList.toggle("ss-percent", percent);
    host.classList.toggle("ss-tokens", table.kind === "token");
    host.classList.toggle("ss-long", model.n > 60);
    const has = (/** @type {Segment} */ segment) => table.units.some((unit) => unit.segment === segment);
    if (has("source")) {
      host.appendChild(element("div", "ss-label", "Source"));
      this.addLine((unit) => unit.segment === "source").appendChild(this.listFor("source"));
      host.appendChild(element("div", "ss-label", "Output"));
    }
    const line = this.addLine((unit) => unit.segment !== "source");
    if (has("prompt")) line.appendChild(this.listFor("prompt"));
    if (has("prompt") && has("generated")) {
      line.appendChild(element("span", "ss-divider")).setAttribute("aria-hidden", "true");
    }
    if (has("generated")) line.appendChild(this.listFor("generated"));
  }

  /** @param {(unit: Unit) => boolean} keep @returns {HTMLElement} */
  addLine(keep) {
    const line = this.host.appendChild(element("div", "ss-line"));
    const texts = this.table.units.filter((unit) => keep(unit) && !unit.special).map((unit) => unit.text);
    line.dir = directionOf(texts.join(""));
    return line;
  }

  /** @param {Segment} segment @returns {HTMLElement} */
  listFor(segment) {
    const list = element("span", "ss-list ss-" + segment);
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", SEGMENT_NAMES[segment]);
    list.setAttribute("aria-orientation", "horizontal");
    if (segment === "generated") list.setAttribute("aria-multiselectable", "true");
    /** @type {Painted | null} */
    let glued = null; // the cell that the next one touches
    this.table.units.forEach((unit, u) => {
      if (unit.segment !== segment) return;
      const { cell, outside, fill, number } = this.cellFor(unit, u);
      let base = "ss-cell" + (unit.special ? " ss-special" : "");
      if (glued && !outside.before && !unit.special) {
        base += " ss-joined";
        glued.base += " ss-joining";
      }
      this.cells[u] = cell;
      const nodes = { bar: fill, share: number };
      this.painted[u] = { base, look: "", background: "", number: SPACE, fill: "", selected: "false", stop: -1, nodes };
      appendAround(list, cell, outside);
      glued = outside.after === "" && !unit.special ? this.painted[u] : null;
    });
    return list;
  }

  /**
   * @param {Unit} unit @param {number} u
   * @returns {{ cell: HTMLElement, outside: { before: string, after: string }, fill: HTMLElement, number: HTMLElement }}
   */
  cellFor(unit, u) {
    const cell = element("span", "ss-cell");
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-selected", "false");
    cell.tabIndex = -1;
    cell.dataset.u = String(u);
    const outside = appendPieces(this.percent ? cell.appendChild(element("span", "ss-text")) : cell, unit.text);
    const fill = element("span", "ss-fill");
    const number = element("span", "ss-number", SPACE);
    if (this.percent) {
      cell.appendChild(element("span", "ss-bar")).appendChild(fill);
      cell.appendChild(number);
    }
    return { cell, outside, fill, number };
  }

  /**
   * picture: {ranking or null, part(value), colour(value), solid(value), focus and pinned: sets, dimAfter, tabStops}
   * @param {FlowPicture} picture
   */
  paint(picture) {
    const { ranking } = picture;
    for (let u = 0; u < this.table.U; u++) {
      const cell = this.cells[u];
      const before = this.painted[u];
      const focused = picture.focus.has(u);
      const value = ranking && !focused ? ranking.values[u] : NaN;
      const part = value === value ? picture.part(value) : 0;
      let look = before.base;
      if (focused) look += " ss-focus";
      else if (u > picture.dimAfter) look += " ss-later";
      if (value === value) look += " ss-scored";
      if (part > 0) look += value < 0 && part > 0.02 ? " ss-tinted ss-negative" : " ss-tinted";
      if (picture.pinned.has(u) && !focused) look += " ss-pinned";
      if (look !== before.look) cell.className = before.look = look;
      const background = part > 0 ? picture[this.percent ? "solid" : "colour"](value) : "";
      const share = ranking && value === value ? ranking.shares[u] : NaN;
      if (this.percent) this.paintBar(before, { part, share, background });
      else if (background !== before.background) cell.style.backgroundColor = before.background = background;
      const selected = picture.pinned.has(u) ? "true" : "false";
      if (selected !== before.selected) cell.setAttribute("aria-selected", (before.selected = selected));
      const stop = picture.tabStops.includes(u) ? 0 : -1;
      if (stop !== before.stop) cell.tabIndex = before.stop = stop;
    }
  }

  /**
   * The bar's length follows the colour range; the number is the share.
   * @param {Painted} before @param {{ part: number, share: number, background: string }} of
   */
  paintBar(before, { part, share, background }) {
    const { bar, share: told } = before.nodes;
    const number = share === share ? formatPercent(share).replace(SPACE, "") : SPACE;
    const fill = part > 0 ? "scaleX(" + Math.max(0.04, part).toFixed(3) + ")" : "scaleX(0)";
    if (number !== before.number) told.textContent = before.number = number;
    if (fill !== before.fill) bar.style.transform = before.fill = fill;
    if (background !== before.background) bar.style.backgroundColor = before.background = background;
  }

  /** @param {MouseEvent | FocusEvent | KeyboardEvent} event @returns {number | null} */
  unitAt(event) {
    const cell = closest(event, ".ss-cell");
    return cell && this.host.contains(cell) ? Number(cell.dataset.u) : null;
  }

  /** @param {number | null} u */
  hover(u) {
    clearTimeout(this.leaving);
    // Crossing the gap between two lines must not flash the pinned selection.
    if (u === null) this.leaving = setTimeout(() => this.handlers.hover(null), 120);
    else this.handlers.hover(u);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const selection = window.getSelection();
    const copying = selection && !selection.isCollapsed && this.host.contains(selection.anchorNode);
    if (copying && !event.shiftKey) return;
    clearTimeout(this.leaving);
    const u = this.unitAt(event);
    if (u === null) this.handlers.clear();
    else this.handlers.pick(u, event.shiftKey);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const u = this.unitAt(event);
    if (u === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = event.key === "Enter" || event.key === " " ? u : this.neighbour(u, event.key);
    if (next === null) return;
    event.preventDefault();
    this.cells[next].focus();
    clearTimeout(this.leaving);
    this.handlers.pick(next, event.shiftKey);
  }

  /**
   * The cell an arrow key leads to; up and down go by what is drawn, since the text wraps.
   * @param {number} u @param {string} key @returns {number | null}
   */
  neighbour(u, key) {
    const { cells } = this;
    const { units } = this.table;
    const rtl = isRtl(cells[u]);
    const step = key === "ArrowLeft" ? (rtl ? 1 : -1) : key === "ArrowRight" ? (rtl ? -1 : 1) : 0;
    if (step) return cells[u + step] ? u + step : null;
    const same = units.map((_, i) => i).filter((i) => units[i].segment === units[u].segment);
    if (key === "Home") return same[0];
    if (key === "End") return same[same.length - 1];
    if (key !== "ArrowUp" && key !== "ArrowDown") return null;
    const here = cells[u].getBoundingClientRect();
    const direction = key === "ArrowUp" ? -1 : 1;
    /** @type {number | null} */
    let best = null;
    let least = Infinity;
    cells.forEach((cell, i) => {
      const there = cell.getBoundingClientRect();
      const down = (there.top - here.top) * direction;
      if (down < here.height / 2) return;
      const distance = down * 8 + Math.abs(there.left + there.width / 2 - here.left - here.width / 2);
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  }
}
