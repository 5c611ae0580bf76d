// One map: a set of scores over the text or as a grid, with a heading where several stand below each other.

import { Flow } from "../figure/flow.js";
import { Matrix } from "../figure/matrix.js";
import { tableOf } from "../figure/scores.js";
import { closest, element, later, Legend } from "../figure/widgets.js";
import { backward, forward } from "./rankings.js";
import { StepCurve } from "./steps.js";
/** @import { Box, FlowHandlers, GridHandlers, Ranking, ScoreModel, Table } from "../figure/types.js" */
/** @import { HeatmapSettings, Hovered, Look, StepValues, Subject } from "./types.js" */

export class Pane {
  /**
   * handlers: {text, grid}, those of Flow and Matrix. several: whether it stands beside others and so tells its own reading.
   * @param {HTMLElement} host @param {{ text: FlowHandlers, grid: GridHandlers }} handlers @param {boolean} several
   */
  constructor(host, handlers, several) {
    this.several = several;
    this.overCurve = false;
    /** @type {ScoreModel} */
    this.model = later();
    /** @type {Table} */
    this.table = later();
    /** @type {Ranking | null} */
    this.ranking = null;
    /** What stands beside several maps only. @type {{ title: HTMLElement, legend: Legend, reading: HTMLElement, checks: HTMLElement } | null} */
    this.beside = null;
    this.node = host.appendChild(element("div", "ss-pane"));
    if (several) {
      const head = this.node.appendChild(element("div", "ss-pane-head"));
      const title = head.appendChild(element("p", "ss-pane-title"));
      const legend = new Legend();
      head.appendChild(legend.node);
      this.beside = {
        title, legend, reading: element("p", "ss-pane-reading"), checks: element("dl", "ss-pairs ss-pane-checks"),
      };
    }
    this.body = this.node.appendChild(element("div", "ss-body"));
    this.flowHost = this.body.appendChild(element("div", "ss-flow"));
    this.matrixHost = this.body.appendChild(element("div", "ss-matrix"));
    this.matrixHost.tabIndex = 0;
    this.matrixHost.setAttribute("role", "group");
    this.flow = new Flow(this.flowHost, handlers.text);
    this.matrix = new Matrix(this.matrixHost, handlers.grid);
    this.curve = new StepCurve(this.body, this.flow);
    const inText = this.flow.unitAt.bind(this.flow);
    this.flow.unitAt = (event) => {
      const u = inText(event);
      return u === null ? this.curve.unitAt(event) : u;
    };
    this.flowHost.addEventListener("pointermove", (event) => {
      // Between the words: the pointer may be over the curve, of which the text gets no news.
      if (event.pointerType === "touch" || closest(event, ".ss-cell")) return;
      const u = this.curve.unitAt(event);
      if (u !== null) this.flow.hover(u);
      else if (this.overCurve) this.flow.hover(null);
      this.overCurve = u !== null;
    });
    if (this.beside) this.node.append(this.beside.reading, this.beside.checks);
  }

  /**
   * The scores to show; the same tokens as before or others.
   * @param {ScoreModel} model @param {HeatmapSettings} settings @param {StepValues | null} curve
   */
  build(model, settings, curve) {
    this.model = model;
    this.table = tableOf(model, settings.unit);
    const matrix = settings.view === "matrix";
    this.flowHost.hidden = matrix;
    this.matrixHost.hidden = !matrix;
    const whose = this.several ? model.method + ": s" : "S";
    this.matrixHost.setAttribute("aria-label", whose + "cores of every input for every generated unit; arrow keys move");
    if (matrix) this.matrix.build(this.table);
    else this.flow.build(model, this.table, settings.view === "percent");
    if (this.beside) {
      this.beside.title.textContent = model.method;
      this.flowHost.querySelectorAll("[role=listbox]").forEach((list) => {
        list.setAttribute("aria-label", model.method + ": " + String(list.getAttribute("aria-label")).toLowerCase());
      });
    }
    this.curve.show(model, matrix ? null : curve);
  }

  /** @param {Subject | null} subject @returns {Ranking | null} */
  rankingOf(subject) {
    if (!subject) return null;
    return "source" in subject ? backward(this.table, subject.source) : forward(this.table, subject.c0, subject.c1);
  }

  /**
   * look: {subject, held, hovered, settings, palette}. Returns the largest score of the colour scale.
   * @param {Look} look @returns {number}
   */
  paint({ subject, held, hovered, settings, palette }) {
    const { table } = this;
    const ranking = (this.ranking = this.rankingOf(subject));
    const span = (/** @type {Subject | null} */ part) => (part && !("source" in part) ? table.targets.slice(part.c0, part.c1 + 1) : []);
    const source = subject && "source" in subject ? subject.source : null;
    const focus = new Set(source === null ? span(subject) : [source]);
    const pinned = new Set(held && "source" in held ? [held.source] : span(held));
    const { scale } = this.model;
    const own = ranking ? Math.max(ranking.max, settings.range === "output" ? table.max : 0) : 0;
    const domain = ranking ? scale || own : 0;
    const part = (/** @type {number} */ value) => (domain > 0 ? Math.min(1, Math.abs(value) / domain) : 0);
    if (settings.view === "matrix") {
      const whole = settings.range === "output";
      this.matrix.pointAt(hovered && "row" in hovered ? hovered : null);
      this.matrix.paint({
        ...palette, focus: new Set(span(subject)), source,
        shade: (value, at) => palette.shade(value, at),
        columnPart: (value, c) => Math.abs(value) / (scale || (whole ? table.max : table.maxima[c]) || 1),
      });
    } else {
      const dimAfter = subject && "c1" in subject ? table.targets[subject.c1] : Infinity;
      const colour = (/** @type {number} */ value) => palette.shade(value, part(value));
      const solid = (/** @type {number} */ value) => palette.shade(value, 1);
      this.flow.paint({ ranking, part, colour, solid, focus, pinned, dimAfter, tabStops: this.stops(pinned) });
      /** @type {Set<number>} */
      const columns = new Set();
      focus.forEach((u) => {
        for (let c = table.units[u].c0; c >= 0 && c <= table.units[u].c1; c++) columns.add(c);
      });
      this.curve.paint(columns, palette);
    }
    return domain || scale || table.max;
  }

  /**
   * One tab stop for each part of the text: what is pinned, else its first cell.
   * @param {Set<number>} pinned @returns {number[]}
   */
  stops(pinned) {
    const { units } = this.table;
    const stops = Array.from(pinned).slice(0, 1);
    ["source", "prompt", "generated"].forEach((segment) => {
      const own = units.findIndex((unit) => unit.segment === segment);
      if (own >= 0 && !stops.some((u) => units[u].segment === segment)) stops.push(own);
    });
    return stops;
  }

  /** @param {Hovered} target @returns {Box | undefined} */
  boxOf(target) {
    return "u" in target ? this.flow.cells[target.u].getClientRects()[0] : this.matrix.boxOf(target);
  }

  /** @param {HeatmapSettings} settings */
  resize(settings) {
    if (settings.view === "matrix") this.matrix.resize();
    else this.curve.moved = true;
  }

  destroy() {
    clearTimeout(this.flow.leaving);
    this.node.remove();
  }
}
