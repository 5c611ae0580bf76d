// A number of each generated token as a small curve under the words, line by line. Drawn on one canvas over the text,
// which takes no events itself: the text asks which token a place under it belongs to.

import { element } from "../figure/widgets.js";

const BAND = { gap: 4, height: 18, dot: 2.2, marked: 4.2, reach: 26 };

// The curve on offer under a name: {name, values, low, high}, or null. A probability is drawn from 0 to 1.
export function curveOf(model, name) {
  const values = model.steps[name];
  const known = values ? values.filter((value) => typeof value === "number") : [];
  if (!known.length) return null;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  if (name === "probability") return { name, values, low: 0, high: 1 };
  return { name, values, low: Math.min(0, least), high: Math.max(0, most) };
}

export class StepCurve {
  constructor(body, flow) {
    Object.assign(this, { body, flow, model: null, curve: null, points: [], moved: false });
    this.canvas = body.appendChild(element("canvas", "ss-curve"));
    this.canvas.setAttribute("aria-hidden", "true"); // the numbers stand in the tip, the details and the caption
  }

  show(model, curve) {
    Object.assign(this, { model, curve });
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
    let line = null;
    flow.table.units.forEach((unit, u) => {
      if (unit.c0 < 0 || !flow.cells[u]) return;
      const rects = Array.from(flow.cells[u].getClientRects()).filter((rect) => rect.width > 0);
      if (!rects.length) return;
      const rtl = flow.cells[u].closest(".ss-line").dir === "rtl";
      places(model, unit, rects).forEach(({ column, rect, offset }) => {
        if (!line || rect.top > line.bottom || rect.bottom < line.top) line = { top: rect.top, bottom: rect.bottom };
        line.bottom = Math.max(line.bottom, rect.bottom);
        const x = (rtl ? rect.right - offset : rect.left + offset) - origin.left;
        this.points.push({ column, u, x, line, value: curve.values[column] });
      });
    });
    this.points.forEach((point) => (point.top = point.line.bottom - origin.top + BAND.gap));
    const scale = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = Math.round(body.clientWidth * scale);
    canvas.height = Math.round(body.clientHeight * scale);
    canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
  }

  // marked: the columns that are selected. colours: a palette.
  paint(marked, colours) {
    if (this.moved) this.measure();
    const { canvas, points, curve } = this;
    if (!curve || !points.length) return;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const y = ({ top, value }) =>
      top + BAND.height * (1 - (value - curve.low) / Math.max(curve.high - curve.low, 1e-12));
    const stroke = (colour, width, path) => {
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

  // The unit whose point is under the pointer, or null.
  unitAt(event) {
    if (!this.curve || event.clientX === undefined) return null;
    const origin = this.body.getBoundingClientRect();
    const [x, y] = [event.clientX - origin.left, event.clientY - origin.top];
    let [best, least] = [null, BAND.reach];
    this.points.forEach((point) => {
      if (y < point.top - 2 || y > point.top + BAND.height + 6) return;
      const distance = Math.abs(point.x - x);
      if (distance < least) [best, least] = [point.u, distance];
    });
    return best;
  }
}

// For each token of a unit: its column, the box it is drawn in, and how far into that box its middle is.
export function places(model, unit, rects) {
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

// Points as runs that stand on one line of text.
function linesOf(points) {
  const runs = [];
  points.forEach((point, i) => {
    if (i && points[i - 1].line === point.line) runs[runs.length - 1].push(point);
    else runs.push([point]);
  });
  return runs;
}
