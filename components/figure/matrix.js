// The grid of inputs (rows) and generated units (columns) on one canvas as large as its window, whatever the grid's
// size: only cells in sight are drawn, and the labels stay in sight while the grid scrolls under them.

import { element } from "./widgets.js";
import { labelOf } from "./words.js";

const MATRIX = { row: 24, minColumn: 22, maxColumn: 46, tilt: Math.PI / 3.6, font: 13, gap: 10 };

// handlers: hover(target | null), pick(target, extend), move(target, extend), clear()
// A target is {row: unit, column: unit}, either of them null on a label.
export class Matrix {
  constructor(host, handlers) {
    this.host = host;
    this.handlers = handlers;
    this.spacer = host.appendChild(element("div", "ss-spacer"));
    this.canvas = this.spacer.appendChild(element("canvas", "ss-canvas"));
    this.canvas.setAttribute("role", "img");
    this.context = this.canvas.getContext("2d");
    Object.assign(this, { table: null, rows: [], columns: [], labels: [], size: null, picture: null, cursor: null });
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

  build(table) {
    this.table = table;
    this.rows = table.units.map((unit, u) => u).filter((u) => table.scored[u]);
    this.columns = table.targets;
    this.labels = table.units.map((unit) => labelOf(unit.text, 18));
    this.cursor = null;
    this.size = null;
    this.host.scrollTo(0, 0);
  }

  measure() {
    const width = this.host.clientWidth;
    if (!width) return null;
    const font = getComputedStyle(this.host).fontFamily;
    this.context.font = "600 " + MATRIX.font + "px " + font;
    const widest = (ids) => ids.reduce((most, u) => Math.max(most, this.context.measureText(this.labels[u]).width), 0);
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
    this.size = this.table ? this.measure() : null;
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

  // Where a column or row begins in the window.
  x(c) {
    return this.size.left + c * this.size.column - this.host.scrollLeft;
  }

  y(r) {
    return this.size.top + r * MATRIX.row - this.host.scrollTop;
  }

  paint(picture) {
    this.picture = picture;
    this.schedule();
  }

  resize() {
    this.size = null;
    this.schedule();
  }

  describe(text) {
    this.canvas.setAttribute("aria-label", text);
  }

  schedule() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
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

  // Draws within the part of the window right of x and below y; labels stay out of the grid and the grid out of them.
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

  drawLabel(u, marked, x, y, room) {
    const { context, picture } = this;
    const unit = this.table.units[u];
    const weight = marked ? "700 " : unit.segment === "generated" ? "600 " : "";
    context.font = weight + MATRIX.font + "px " + this.size.font;
    context.fillStyle = marked || !unit.special ? picture.ink : picture.muted;
    let shown = (this.prefix ? this.prefix(u) : "") + this.labels[u]; // prefix(u): what stands before a unit's name
    while (shown.length > 2 && context.measureText(shown).width > room) shown = shown.slice(0, -2) + "…";
    context.fillText(shown, x, y);
  }

  // {row, column} as units at a point of the window; one of them is null on a label; null outside the grid.
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

  pointAt(target) {
    const inside = target && target.row !== null && target.column !== null;
    this.cursor = inside ? { r: this.rows.indexOf(target.row), c: this.columns.indexOf(target.column) } : null;
    this.schedule();
  }

  // The place of a cell on the screen, for the tooltip.
  boxOf(target) {
    const box = this.canvas.getBoundingClientRect();
    const left = box.left + this.x(this.columns.indexOf(target.column));
    const top = box.top + this.y(this.rows.indexOf(target.row));
    return { left, top, width: this.size.column, height: MATRIX.row };
  }

  reveal(r, c) {
    if (!this.size) this.fit();
    if (!this.size) return;
    const { size, host } = this;
    const place = (at, length, room, now) => (at < now || at + length > now + room ? Math.max(0, at - room / 2) : now);
    host.scrollLeft = place(c * size.column, size.column, size.width - size.left, host.scrollLeft);
    host.scrollTop = place(r * MATRIX.row, MATRIX.row, size.height - size.top, host.scrollTop);
  }

  key(event) {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!move || !this.columns.length || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { rows, columns, picture } = this;
    const at = this.cursor || { r: 0, c: Math.max(0, columns.findIndex((u) => picture.focus.has(u))) };
    const r = Math.min(rows.length - 1, Math.max(0, at.r + move[0]));
    const c = Math.min(columns.length - 1, Math.max(0, at.c + move[1]));
    this.reveal(r, c);
    this.handlers.move({ row: rows[r], column: columns[c] }, event.shiftKey);
  }
}

// Runs of neighbouring positions whose unit is in the set, as [first, last].
function runs(units, set) {
  const found = [];
  units.forEach((u, i) => {
    if (!set.has(u)) return;
    const open = found[found.length - 1];
    if (open && open[1] === i - 1) open[1] = i;
    else found.push([i, i]);
  });
  return found;
}
