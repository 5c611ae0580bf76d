// A number of each generated token as a small curve under the words, line by line. Drawn on one canvas over the text,
// which takes no events itself: the text asks which token a place under it belongs to.

import { isRtl } from "../figure/flow.js";
import { element, later } from "../figure/widgets.js";
/** @import { Flow } from "../figure/flow.js" */
/** @import { Colours, ScoreModel, Unit } from "../figure/types.js" */
/** @import { CurvePoint, LinePlace, StepValues } from "./types.js" */

const BAND = { gap: 4, height: 18, dot: 2.2, marked: 4.2, reach: 26 };

/**
 * The curve on offer under a name: {name, values, low, high}, or null. A probability is drawn from 0 to 1.
 * @param {ScoreModel} model @param {string} name @returns {StepValues | null}
 */
export function curveOf(model, name) {
  const values = model.steps[name];
  const known = values ? values.filter((value) => typeof value === "number") : [];
  if (!known.length) return null;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  if (name === "probability") return { name, values, low: 0, high: 1 };
  return { name, values, low: Math.min(0, least), high: Math.max(0, most) };
}

const contextOf = (/** @type {HTMLCanvasElement} */ canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

export class StepCurve {
  /** @param {HTMLElement} body @param {Flow} flow */
  constructor(body, flow) {
    this.body = body;
    this.flow = flow;
    /** @type {ScoreModel} */
    this.model = later();
    /** @type {StepValues | null} */
    this.curve = null;
    /** @type {CurvePoint[]} */
    this.points = [];
    this.moved = false;
    this.canvas = body.appendChild(element("canvas", "ss-curve"));
    this.canvas.setAttribute("aria-hidden", "true"); // the numbers stand in the tip, the details and the caption
  }

  /** @param {ScoreModel} model @param {StepValues | null} curve */
  show(model, curve) {
    this.model = model;
    this.curve = curve;
    this.canvas.hidden = curve === null;
    this.flow.host.classList.toggle("ss-curved", curve !== null);
    this.moved = true; // measured when the text has been painted, which gives its cells their classes
  }

  // Where each token's point is. A unit's tokens share its width by the length of their texts.
  measure() {
    this.points = [];
    this.moved = false;
    const { body, canvas, curve, model, flow } = this;
    if (!curve || !body.clientWidth) return;
    const origin = body.getBoundingClientRect();
    /** @type {LinePlace | null} */
    let line = null;
    flow.table.units.forEach((unit, u) => {
      if (unit.c0 < 0 || !flow.cells[u]) return;
      const rects = Array.from(flow.cells[u].getClientRects()).filter((rect) => rect.width > 0);
      if (!rects.length) return;
      const rtl = isRtl(flow.cells[u]);
      places(model, unit, rects).forEach(({ column, rect, offset }) => {
        const next = !line || rect.top > line.bottom || rect.bottom < line.top;
        const at = !line || next ? { top: rect.top, bottom: rect.bottom } : line;
        at.bottom = Math.max(at.bottom, rect.bottom);
        line = at;
        const x = (rtl ? rect.right - offset : rect.left + offset) - origin.left;
        this.points.push({ column, u, x, top: 0, line: at, value: curve.values[column] });
      });
    });
    this.points.forEach((point) => (point.top = point.line.bottom - origin.top + BAND.gap));
    const scale = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = Math.round(body.clientWidth * scale);
    canvas.height = Math.round(body.clientHeight * scale);
    contextOf(canvas).setTransform(scale, 0, 0, scale, 0, 0);
  }

  /** marked: the columns that are selected. colours: a palette. @param {Set<number>} marked @param {Colours} colours */
  paint(marked, colours) {
    if (this.moved) this.measure();
    const { canvas, points, curve } = this;
    if (!curve || !points.length) return;
    const context = contextOf(canvas);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const y = (/** @type {CurvePoint} */ { top, value }) =>
      top + BAND.height * (1 - (Number(value) - curve.low) / Math.max(curve.high - curve.low, 1e-12));
    const stroke = (/** @type {string} */ colour, /** @type {number} */ width, /** @type {number[][]} */ path) => {
      Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" });
      context.beginPath();
      path.forEach(([px, py], i) => (i ? context.lineTo(px, py) : context.moveTo(px, py)));
      context.stroke();
    };
    linesOf(points).forEach((run) => {
      const [first, last] = [run[0], run[run.length - 1]];
      const foot = first.top + BAND.height + 0.5;
      stroke(colours.muted + "55", 1, [[first.x - 6, foot], [last.x + 6, foot]]);
      const known = run.filter((point) => typeof point.value === "number");
      stroke(colours.curve, 1.6, known.map((point) => [point.x, y(point)]));
      known.forEach((point) => {
        const big = marked.has(point.column);
        context.beginPath();
        context.arc(point.x, y(point), big ? BAND.marked : BAND.dot, 0, 2 * Math.PI);
        context.fillStyle = big ? colours.ink : colours.curve;
        context.fill();
      });
    });
  }

  /**
   * The unit whose point is under the pointer, or null.
   * @param {MouseEvent | FocusEvent | KeyboardEvent} event @returns {number | null}
   */
  unitAt(event) {
    if (!this.curve || !(event instanceof MouseEvent)) return null;
    const origin = this.body.getBoundingClientRect();
    const [x, y] = [event.clientX - origin.left, event.clientY - origin.top];
    /** @type {number | null} */
    let best = null;
    let least = BAND.reach;
    this.points.forEach((point) => {
      if (y < point.top - 2 || y > point.top + BAND.height + 6) return;
      const distance = Math.abs(point.x - x);
      if (distance < least) [best, least] = [point.u, distance];
    });
    return best;
  }
}

/**
 * For each token of a unit: its column, the box it is drawn in, and how far into that box its middle is.
 * @param {ScoreModel} model @param {Unit} unit @param {DOMRect[]} rects
 * @returns {{ column: number, rect: DOMRect, offset: number }[]}
 */
export function places(model, unit, rects) {
  /** @type {number[]} */
  const columns = [];
  for (let c = unit.c0; c <= unit.c1; c++) columns.push(c);
  const lengths = columns.map((c) => Math.max(1, model.tokens[model.generated[c]].text.trim().length));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const width = rects.reduce((sum, rect) => sum + rect.width, 0);
  let before = 0;
  return columns.map((column, i) => {
    let offset = ((before + lengths[i] / 2) / total) * width;
    before += lengths[i];
    let r = 0;
    while (r < rects.length - 1 && offset > rects[r].width) offset -= rects[r++].width;
    return { column, rect: rects[r], offset };
  });
}

/** Points as runs that stand on one line of text. @param {CurvePoint[]} points @returns {CurvePoint[][]} */
function linesOf(points) {
  /** @type {CurvePoint[][]} */
  const runs = [];
  points.forEach((point, i) => {
    if (i && points[i - 1].line === point.line) runs[runs.length - 1].push(point);
    else runs.push([point]);
  });
  return runs;
}
