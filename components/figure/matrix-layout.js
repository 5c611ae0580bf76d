// Where the cells of a grid are: its measures, and what stands at a point of the window. Draws nothing.

import { element, later } from "./widgets.js";
/** @import { Box, GridTable, GridTarget, GridUnit } from "./types.js" */

export const MATRIX = { row: 24, minColumn: 22, maxColumn: 46, tilt: Math.PI / 3.6, font: 13, gap: 10 };

/**
 * The window, the labels' room on the left and above, how far the last leaning label reaches, a column's width.
 * @typedef {{ width: number, height: number, left: number, top: number, overhang: number, column: number,
 *   font: string }} Size
 */

/** Rows and columns are units of a table; measured when it is drawn. @template {GridUnit} [U=GridUnit] */
export class MatrixLayout {
  /** @param {HTMLElement} host what scrolls */
  constructor(host) {
    this.host = host;
    this.spacer = host.appendChild(element("div", "ss-spacer"));
    this.canvas = this.spacer.appendChild(element("canvas", "ss-canvas"));
    this.canvas.setAttribute("role", "img");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    /** @type {GridTable<U>} */
    this.table = later();
    /** @type {number[]} */
    this.rows = [];
    /** @type {number[]} */
    this.columns = [];
    /** @type {string[]} */
    this.labels = [];
    /** @type {Size} */
    this.size = later(); // measured when it is drawn
    this.queued = false;
  }

  /** Drawn by Matrix. */
  draw() {}

  /** @returns {Size | null} */
  measure() {
    const width = this.host.clientWidth;
    if (!width) return null;
    const font = getComputedStyle(this.host).fontFamily;
    this.context.font = "600 " + MATRIX.font + "px " + font;
    const widest = (/** @type {number[]} */ ids) => ids.reduce((most, u) => Math.max(most, this.context.measureText(this.labels[u]).width), 0);
    const left = Math.ceil(Math.min(widest(this.rows) + MATRIX.gap * 2, Math.max(72, width * 0.32), 170));
    const reach = widest(this.columns) + 4;
    const top = Math.ceil(reach * Math.sin(MATRIX.tilt) + MATRIX.font + MATRIX.gap);
    const overhang = Math.ceil(reach * Math.cos(MATRIX.tilt) + MATRIX.gap);
    const fit = (width - left - overhang) / Math.max(1, this.columns.length);
    const column = Math.floor(Math.min(MATRIX.maxColumn, Math.max(MATRIX.minColumn, fit)));
    const most = Math.max(320, Math.round(window.innerHeight * 0.68));
    const height = Math.min(top + this.rows.length * MATRIX.row + 2, most);
    return { width, height, left, top, overhang, column, font };
  }

  fit() {
    this.size = (this.table && this.measure()) || later();
    const { size, host, canvas } = this;
    if (!size) return;
    this.spacer.style.width = size.left + this.columns.length * size.column + size.overhang + "px";
    this.spacer.style.height = size.top + this.rows.length * MATRIX.row + 2 + "px";
    host.style.height = size.height + (host.offsetHeight - host.clientHeight) + "px";
    const scale = Math.min(3, window.devicePixelRatio || 1);
    canvas.width = Math.round(size.width * scale);
    canvas.height = Math.round(size.height * scale);
    canvas.style.width = size.width + "px";
    canvas.style.height = size.height + "px";
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
  }

  /** Where a column or row begins in the window. @param {number} c @returns {number} */
  x(c) {
    return this.size.left + c * this.size.column - this.host.scrollLeft;
  }

  /** @param {number} r @returns {number} */
  y(r) {
    return this.size.top + r * MATRIX.row - this.host.scrollTop;
  }

  resize() {
    this.size = later();
    this.schedule();
  }

  schedule() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
  }

  /**
   * {row, column} as units at a point of the window; one of them is null on a label; null outside the grid.
   * @param {MouseEvent} event @returns {GridTarget | null}
   */
  hit(event) {
    const { size, host } = this;
    if (!size) return null;
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const lean = y < size.top ? (size.top - y) / Math.tan(MATRIX.tilt) : 0;
    const column = this.columns[Math.floor((x - lean + host.scrollLeft - size.left) / size.column)];
    const row = this.rows[Math.floor((y + host.scrollTop - size.top) / MATRIX.row)];
    if (y < size.top) return column === undefined || x < size.left ? null : { row: null, column };
    if (row === undefined) return null;
    if (x < size.left) return { row, column: null };
    return column === undefined ? null : { row, column };
  }

  /** The place of a cell on the screen, for the tooltip. @param {GridTarget} target @returns {Box} */
  boxOf(target) {
    const box = this.canvas.getBoundingClientRect();
    const left = box.left + this.x(target.column === null ? -1 : this.columns.indexOf(target.column));
    const top = box.top + this.y(target.row === null ? -1 : this.rows.indexOf(target.row));
    return { left, top, width: this.size.column, height: MATRIX.row };
  }

  /** @param {number} r @param {number} c */
  reveal(r, c) {
    if (!this.size) this.fit();
    if (!this.size) return;
    const { size, host } = this;
    host.scrollLeft = scrolled(c * size.column, size.column, size.width - size.left, host.scrollLeft);
    host.scrollTop = scrolled(r * MATRIX.row, MATRIX.row, size.height - size.top, host.scrollTop);
  }
}

/**
 * Where to scroll to so that a cell is in sight: nowhere else if it is, else to the middle.
 * @param {number} at @param {number} length @param {number} room @param {number} now @returns {number}
 */
function scrolled(at, length, room, now) {
  return at < now || at + length > now + room ? Math.max(0, at - room / 2) : now;
}
