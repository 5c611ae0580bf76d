// The grid of inputs (rows) and generated units (columns) on one canvas as large as its window, whatever the grid's
// size: only cells in sight are drawn, and the labels stay in sight while the grid scrolls under them.

import { MATRIX, MatrixLayout } from "./matrix-layout.js";
import { later, stepOf } from "./widgets.js";
import { labelOf } from "./words.js";
/** @import { GridHandlers, GridPicture, GridTable, GridTarget, GridUnit, Span } from "./types.js" */

/** Draws a table, and tells of what is pointed at. @template {GridUnit} [U=GridUnit] @extends {MatrixLayout<U>} */
export class Matrix extends MatrixLayout {
  /** @param {HTMLElement} host @param {GridHandlers} handlers */
  constructor(host, handlers) {
    super(host);
    this.handlers = handlers;
    /** @type {GridPicture} */
    this.picture = later();
    /** @type {{ r: number, c: number } | null} */
    this.cursor = null;
    /** What stands before a unit's name. @type {(unit: number) => string} */
    this.prefix = () => "";
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") handlers.hover(this.hit(event));
    });
    this.canvas.addEventListener("pointerleave", () => handlers.hover(null));
    this.canvas.addEventListener("click", (event) => {
      const target = this.hit(event);
      if (target) handlers.pick(target, event.shiftKey);
      else handlers.clear();
    });
    host.addEventListener("scroll", () => this.schedule());
    host.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {GridTable<U>} table */
  build(table) {
    this.table = table;
    this.rows = table.units.map((_, u) => u).filter((u) => table.scored[u]);
    this.columns = table.targets;
    this.labels = table.units.map((unit) => labelOf(unit.text, 18));
    this.cursor = null;
    this.size = later();
    this.host.scrollTo(0, 0);
  }

  /** @param {GridPicture} picture */
  paint(picture) {
    this.picture = picture;
    this.schedule();
  }

  /** @param {string} text */
  describe(text) {
    this.canvas.setAttribute("aria-label", text);
  }

  draw() {
    if (!this.picture || !this.host.isConnected) return;
    if (!this.size) this.fit();
    if (!this.size) return;
    const { size, host, context } = this;
    const c0 = Math.max(0, Math.floor(host.scrollLeft / size.column));
    const c1 = Math.min(this.columns.length - 1, c0 + Math.ceil((size.width - size.left) / size.column));
    const r0 = Math.max(0, Math.floor(host.scrollTop / MATRIX.row));
    const r1 = Math.min(this.rows.length - 1, r0 + Math.ceil((size.height - size.top) / MATRIX.row));
    context.clearRect(0, 0, size.width, size.height);
    this.clipped(size.left, size.top, () => {
      for (let r = r0; r <= r1; r++) {
        for (let c = c0; c <= c1; c++) this.drawCell(r, c);
      }
      this.drawSegments(r0, r1);
      this.drawFocus();
      this.drawCursor();
    });
    this.clipped(0, size.top, () => this.drawRowLabels(r0, r1));
    this.clipped(size.left - 4, 0, () => this.drawColumnLabels(c0, c1));
  }

  /**
   * Draws within the part of the window right of x and below y; labels stay out of the grid and the grid out of them.
   * @param {number} x @param {number} y @param {() => void} drawing
   */
  clipped(x, y, drawing) {
    const { context, size } = this;
    context.save();
    context.beginPath();
    if (y > 0) context.rect(x, y, (x > 0 ? size.width : size.left) - x, size.height - y);
    else context.rect(x, 0, size.width - x, size.top);
    context.clip();
    drawing();
    context.restore();
  }

  /** @param {number} r @param {number} c */
  drawCell(r, c) {
    const { context, picture } = this;
    const value = this.table.values[this.rows[r] * this.table.C + c];
    if (value !== value) return;
    const width = this.size.column - 1;
    const x = this.x(c) + 0.5;
    const y = this.y(r) + 0.5;
    const part = picture.columnPart(value, c);
    const shade = picture.shade(value, part);
    context.fillStyle = part < 0.04 ? picture.grid : shade; // a cell that is scored shows, even at zero
    context.fillRect(x, y, width, MATRIX.row - 1);
    if (value >= 0 || part < 0.05) return;
    context.fillStyle = picture.ink; // not by colour alone: a minus in cells that speak against
    context.fillRect(x + width / 2 - 3, y + MATRIX.row / 2 - 1, 6, 1.25);
  }

  /** @param {number} r0 @param {number} r1 */
  drawSegments(r0, r1) {
    const { context, rows, table } = this;
    context.fillStyle = this.picture.line;
    for (let r = Math.max(1, r0); r <= r1; r++) {
      if (table.units[rows[r]].segment === table.units[rows[r - 1]].segment) continue;
      context.fillRect(this.x(0), this.y(r) - 1, this.columns.length * this.size.column, 2);
    }
  }

  drawFocus() {
    const { context, rows, columns, size, picture } = this;
    context.strokeStyle = picture.ink;
    context.lineWidth = 2;
    runs(columns, picture.focus).forEach(([a, b]) => {
      context.strokeRect(this.x(a), this.y(0) + 1, (b - a + 1) * size.column, rows.length * MATRIX.row - 2);
    });
    const r = picture.source === null ? -1 : rows.indexOf(picture.source);
    if (r >= 0) context.strokeRect(this.x(0) + 1, this.y(r), columns.length * size.column - 2, MATRIX.row);
  }

  drawCursor() {
    if (!this.cursor) return;
    const { context, size } = this;
    const x = this.x(this.cursor.c);
    const y = this.y(this.cursor.r);
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(size.left, y + MATRIX.row / 2);
    context.lineTo(x, y + MATRIX.row / 2);
    context.moveTo(x + size.column / 2, size.top);
    context.lineTo(x + size.column / 2, y);
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 2;
    context.strokeRect(x, y, size.column, MATRIX.row);
  }

  /** @param {number} r0 @param {number} r1 */
  drawRowLabels(r0, r1) {
    const { context, rows, size, picture, cursor } = this;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let r = r0; r <= r1; r++) {
      const u = rows[r];
      const marked = picture.source === u || picture.focus.has(u) || Boolean(cursor && cursor.r === r);
      const y = this.y(r) + MATRIX.row / 2 + 0.5;
      this.drawLabel(u, marked, size.left - MATRIX.gap, y, size.left - MATRIX.gap * 1.6);
    }
  }

  /** @param {number} c0 @param {number} c1 */
  drawColumnLabels(c0, c1) {
    const { context, columns, size, picture, cursor } = this;
    context.textAlign = "left";
    context.textBaseline = "middle";
    // A label leans over the columns to its right, so one that starts out of sight may still reach in.
    for (let c = Math.max(0, c0 - 8); c <= c1; c++) {
      const marked = picture.focus.has(columns[c]) || Boolean(cursor && cursor.c === c);
      context.save();
      context.translate(this.x(c) + size.column / 2, size.top - 8);
      context.rotate(-MATRIX.tilt);
      this.drawLabel(columns[c], marked, 0, 0, Infinity);
      context.restore();
    }
  }

  /** @param {number} u @param {boolean} marked @param {number} x @param {number} y @param {number} room */
  drawLabel(u, marked, x, y, room) {
    const { context, picture } = this;
    const unit = this.table.units[u];
    const weight = marked ? "700 " : unit.segment === "generated" ? "600 " : "";
    context.font = weight + MATRIX.font + "px " + this.size.font;
    context.fillStyle = marked || !unit.special ? picture.ink : picture.muted;
    let shown = this.prefix(u) + this.labels[u];
    while (shown.length > 2 && context.measureText(shown).width > room) shown = shown.slice(0, -2) + "…";
    context.fillText(shown, x, y);
  }

  /** @param {GridTarget | null} target */
  pointAt(target) {
    const { row = null, column = null } = target || {};
    const inside = row !== null && column !== null;
    this.cursor = inside ? { r: this.rows.indexOf(row), c: this.columns.indexOf(column) } : null;
    this.schedule();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = stepOf(event);
    if (!step || !this.columns.length || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { rows, columns, picture } = this;
    const across = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const at = this.cursor || { r: 0, c: Math.max(0, columns.findIndex((u) => picture.focus.has(u))) };
    const r = Math.min(rows.length - 1, Math.max(0, at.r + (across ? 0 : step)));
    const c = Math.min(columns.length - 1, Math.max(0, at.c + (across ? step : 0)));
    this.reveal(r, c);
    this.handlers.move({ row: rows[r], column: columns[c] }, event.shiftKey);
  }
}

/**
 * Runs of neighbouring positions whose unit is in the set, as [first, last].
 * @param {number[]} units @param {Set<number>} set @returns {Span[]}
 */
function runs(units, set) {
  /** @type {Span[]} */
  const found = [];
  units.forEach((u, i) => {
    if (!set.has(u)) return;
    const open = found[found.length - 1];
    if (open && open[1] === i - 1) open[1] = i;
    else found.push([i, i]);
  });
  return found;
}
