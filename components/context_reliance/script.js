// The figure: which answer words depend on the context, and on which of its words. mount(root, value) is all.

import { mounting } from "../figure/base.js";
import { element, fillCaption, fillPairs } from "../figure/widgets.js";
import { formatScore, labelOf, quote, SPACE } from "../figure/words.js";
import { chosenOf, histogramOf, readPayload, tableOf } from "./model.js";
import { BINS, buildParts } from "./parts.js";
import { Reading } from "./reading.js";
import { formatState, parseState } from "./state.js";

const EMPTY = "Nothing to show yet. Write a context and a question, and press Run.";

class Reliance extends Reading {
  constructor(root, emit) {
    super(root, emit, { name: "context reliance", empty: EMPTY }); // hovered is an index into the answer's units
    this.settings = { sel: null, metric: "", unit: "word", view: "words", sigma: 1, cue: 1, top: 0, least: 0 };
    this.anyway = false;
    const set = (key) => (value) => this.change({ [key]: value });
    this.parts = buildParts(root, {
      metric: set("metric"), view: set("view"), unit: set("unit"), sigma: set("sigma"), cue: set("cue"),
      anyway: () => this.showAnyway(),
    });
    this.listen(this.parts.answer);
    this.parts.stage.addEventListener("click", (event) => {
      if (!event.target.closest(".ss-cell, li, button")) this.change({ sel: null });
    });
    this.onEscape(() => this.settings.sel && this.change({ sel: null }));
    this.follow();
  }

  // One listener for all cells of the answer.
  listen(host) {
    const cellOf = (event) => {
      const cell = event.target.closest ? event.target.closest(".ss-cell") : null;
      return cell && host.contains(cell) ? Number(cell.dataset.u) : null;
    };
    host.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.hover(cellOf(event));
    });
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible")) this.hover(cellOf(event));
    });
    host.addEventListener("focusout", () => this.hover(null));
    host.addEventListener("click", (event) => {
      const u = cellOf(event);
      if (u !== null) this.pick(u);
    });
    host.addEventListener("keydown", (event) => {
      const u = cellOf(event);
      if (u === null || event.ctrlKey || event.metaKey || event.altKey) return;
      const last = this.cells.length - 1;
      const next = { ArrowLeft: u - 1, ArrowRight: u + 1, Home: 0, End: last, Enter: u, " ": u }[event.key];
      if (next === undefined || next < 0 || next > last) return;
      event.preventDefault();
      this.cells[next].focus();
      this.pick(next);
    });
  }

  load(data) {
    this.model = readPayload(data);
  }

  begin() {
    this.anyway = false;
    const { model, parts } = this;
    const names = model.metrics.map((metric) => metric.name);
    const { sigma, cue, top, least, metric } = model.defaults;
    const first = names.includes(metric) ? metric : names[0];
    const fresh = { sel: null, metric: first, unit: "word", view: "words", sigma, cue, top, least };
    Object.assign(this.settings, fresh, parseState(model.state, model.generated.length, names));
    parts.metric.textContent = "";
    model.metrics.forEach((known) => {
      const option = parts.metric.appendChild(element("option", "", known.label));
      option.value = known.name;
    });
    parts.view.node.hidden = !model.sentences;
    if (!model.sentences) this.settings.view = "words";
  }

  state() {
    return formatState(this.settings);
  }

  change(part) {
    const before = this.state();
    const rebuild = ["unit", "view"].some((key) => part[key] && part[key] !== this.settings[key]);
    if ("metric" in part) this.settings.least = this.leastOf(part.metric);
    Object.assign(this.settings, part);
    this.hovered = null;
    if (!("sel" in part)) this.anyway = false;
    this.parts.tip.hide();
    if (rebuild) this.rebuild();
    else this.paint();
    const { sel } = this.settings;
    if (!this.announce(before) || !("sel" in part) || !sel) return;
    clearTimeout(this.telling);
    const value = this.model.generated.slice(sel[0], sel[1] + 1).map((i) => this.model.tokens[i].text).join("");
    this.tellPython(sel, value);
  }

  // ---- notes: see Pins

  // [unit, cell] of every cell of text.
  shownUnits() {
    const { table, contextCells, queryCells, cells } = this;
    const pairs = (units, nodes) => units.map((unit, u) => [unit, nodes[u]]);
    return [...pairs(table.context, contextCells), ...pairs(table.query, queryCells), ...pairs(table.answer, cells)];
  }

  placeOf(node) {
    const cell = node.closest(".ss-cell");
    const found = cell && this.shownUnits().find(([, other]) => other === cell);
    return found ? String(found[0].first) : null;
  }

  pinPlace() {
    const { sel } = this.settings;
    return sel ? String(this.model.generated[sel[0]]) : null;
  }

  shownAt(place) {
    return this.shownUnits().filter(([unit]) => Number(place) >= unit.first && Number(place) <= unit.last);
  }

  titleOf(place) {
    const [found] = this.shownAt(place);
    return found ? labelOf(found[0].text, 24) : this.nameOf(place);
  }

  nodesOf(place) {
    return this.shownAt(place).map(([, cell]) => cell);
  }

  visit(place) {
    const column = this.model.generated.indexOf(Number(place));
    if (column >= 0) this.pick(this.table.answer.findIndex((unit) => unit.at.includes(column)));
  }

  leastOf(name) {
    const metric = this.model.metrics.find((known) => known.name === name);
    return metric && typeof metric.least === "number" ? metric.least : 0;
  }

  words() {
    return this.model.tokens;
  }

  pinned() {
    const { sel } = this.settings;
    return sel && sel.map((column) => this.model.generated[column]);
  }

  choose(first, last) {
    const columns = [first, last].map((i) => this.model.generated.indexOf(i));
    if (columns[0] >= 0) this.change({ sel: columns });
  }

  pick(u) {
    const { at } = this.table.answer[u];
    this.change({ sel: [at[0], at[at.length - 1]] });
  }

  hover(u) {
    if (!this.model || u === this.hovered) return;
    this.hovered = u;
    this.paint();
    if (u === null) return this.parts.tip.hide();
    const unit = this.table.answer[u];
    const box = this.cells[u].getClientRects()[0];
    return box && this.parts.tip.show(box, labelOf(unit.text, 40), this.numbersOf(unit), false);
  }

  showAnyway() {
    this.anyway = true;
    if (this.flags.nearest >= 0) this.pick(this.flags.nearest);
  }

  metric() {
    return this.model.metrics.find((known) => known.name === this.settings.metric);
  }

  rebuild() {
    const { model, parts, settings } = this;
    this.table = tableOf(model, settings.unit);
    parts.view.set(settings.view);
    parts.unit.set(settings.unit);
    const sentences = settings.view === "sentences";
    parts.context.hidden = sentences;
    parts.sentences.hidden = !sentences;
    parts.cue.node.hidden = sentences;
    this.contextCells = this.fill(parts.context, this.table.context, false);
    this.queryCells = this.fill(parts.query, this.table.query, false);
    this.cells = this.fill(parts.answer, this.table.answer, true);
    this.writeAlternatives();
    this.paint();
  }

  // What is looked at: the hovered unit, else the units the pinned columns touch, else none.
  subject() {
    const { answer } = this.table;
    if (this.hovered !== null) return [this.hovered];
    const { sel } = this.settings;
    if (!sel) return [];
    return answer.map((_, u) => u).filter((u) => answer[u].at.some((c) => c >= sel[0] && c <= sel[1]));
  }

  paint() {
    if (!this.model) return;
    const { settings, table, model } = this;
    const metric = this.metric();
    const values = table.answer.map((unit) => (unit.special ? 0 : table.dependence(metric, unit)));
    this.flags = chosenOf(values, settings);
    this.cutText = formatScore(this.flags.cut) + (metric.unit ? SPACE + metric.unit : "");
    const flagged = new Set(this.flags.chosen);
    const high = Math.max(...values.map(Math.abs), 1e-12);
    const subject = this.subject();
    const shown = subject.length ? subject : this.flags.chosen.slice(0, 1);
    this.cells.forEach((cell, u) => {
      const pinned = settings.sel && subject.includes(u) && this.hovered === null;
      const look = (flagged.has(u) ? " sc-flagged" : "") + (shown.includes(u) ? " sc-looked" : "");
      cell.className = cell.ssBase + look + (pinned ? " ss-pinned" : "");
      cell.style.setProperty("--sc-part", (Math.abs(values[u]) / high).toFixed(3));
      cell.setAttribute("aria-selected", pinned ? "true" : "false");
    });
    this.parts.metric.value = settings.metric;
    const cutLabel = "at least " + this.cutText;
    this.parts.sigma.show(settings.sigma, histogramOf(values, this.flags.cut, BINS), cutLabel);
    if (settings.view === "sentences") this.paintSentences(shown);
    else this.paintCues(shown);
    this.read(shown, values);
    if (model.alternatives.length) this.markAlternatives(shown);
  }

  paintCues(shown) {
    const cues = shown.length ? this.cuesOf(shown) : { values: this.table.context.map(() => 0), chosen: [], cut: 0 };
    this.cues = cues;
    const high = Math.max(...cues.values.map(Math.abs), 1e-12);
    const place = new Map(cues.chosen.map((u, i) => [u, i + 1]));
    this.contextCells.forEach((cell, u) => {
      const value = cues.values[u];
      const part = shown.length ? Math.abs(value) / high : 0;
      const isCue = place.has(u);
      cell.className = cell.ssBase + (isCue ? " sc-cue" : "") + (shown.length && !isCue ? " sc-dim" : "");
      cell.style.backgroundColor = isCue ? this.palette.shade(value, Math.max(0.25, part)) : "";
      if (isCue) cell.dataset.place = place.get(u);
      else delete cell.dataset.place;
      cell.title = shown.length ? formatScore(value) + (this.model.unit ? SPACE + this.model.unit : "") : "";
    });
    const text = "at least " + formatScore(cues.cut);
    this.parts.cue.show(this.settings.cue, histogramOf(cues.values, cues.cut, BINS), text);
  }

  read(shown, values) {
    const { table, parts, flags, settings } = this;
    const none = flags.chosen.length === 0;
    parts.anyway.hidden = !none || flags.nearest < 0 || shown.length > 0;
    parts.pairs.textContent = "";
    if (none && !shown.length) {
      this.sentence = ["No word of the answer depends on the context enough to pass the cut."];
      if (flags.nearest >= 0) {
        const unit = table.answer[flags.nearest];
        const miss = formatScore(values[flags.nearest]);
        this.sentence.push(" The nearest is ", quote(unit), " with " + miss + "; the cut is at " + this.cutText + ".");
      }
      fillPairs(parts.details, []);
    } else {
      const units = shown.map((u) => table.answer[u]);
      const subject = { text: units.map((unit) => unit.text).join("") };
      this.sentence = settings.view === "sentences" ? this.sentenceCaption(subject) : this.cueCaption(subject, shown);
      if (none) this.sentence.push(" It does not pass the cut.");
      fillPairs(parts.details, this.numbersOf({ at: units.flatMap((unit) => unit.at) }));
    }
    fillCaption(parts.caption, this.sentence);
    if (settings.view === "words") this.listPairs();
  }

}

export const mount = mounting(Reliance);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
