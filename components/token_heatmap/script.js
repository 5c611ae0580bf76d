// The figure: what is selected, what is pointed at, and how the parts follow. mount(root, value) is all a page needs.

const EMPTY = "Nothing to show yet. Write a prompt and press Run.";
const HINT = {
  flow: "Bold is what the model wrote. Point at a bold word, or tap it, to see what it relies on.",
  percent: "How much each part of the text weighs for the selected word. Point at another bold word, or tap it.",
  matrix: "A column for each thing the model wrote, a row for each it may rely on. Point or tap to read a cell.",
};
const UNPINNED = "Nothing is selected: point at a word, or tap it.";

class Heatmap {
  constructor(root, emit) {
    this.root = root;
    this.emit = emit || (() => {});
    this.settings = { unit: "word", range: "token", view: "flow", sel: null, in: null };
    this.hovered = null; // {u} in the text, {row, column} in the matrix
    this.anchor = null;
    this.model = null;
    const set = (key) => (value) => this.change({ [key]: value });
    this.parts = buildParts(root, { unit: set("unit"), view: set("view"), range: set("range") });
    const over = (target) => this.hover(target);
    const clear = () => this.change({ sel: null, in: null });
    this.flow = new Flow(this.parts.flow, {
      hover: (u) => over(u === null ? null : { u }), pick: (u, extend) => this.pick(u, extend), clear,
    });
    this.matrix = new Matrix(this.parts.matrix, {
      hover: over, clear,
      pick: (target, extend) => this.pick(target.column === null ? target.row : target.column, extend),
      move: (target, extend) => {
        this.pick(target.column, extend);
        this.hover(target);
        this.say();
      },
    });
    this.keydown = (event) => {
      if (event.key === "Escape" && (this.settings.sel || this.settings.in !== null)) clear();
    };
    root.addEventListener("keydown", this.keydown);
    this.stopTheme = watchTheme(root, () => (root.isConnected ? this.retheme() : this.destroy()));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.parts.stage);
    this.retheme();
  }

  update(value) {
    delete this.root.dataset.stale;
    this.hovered = null;
    this.model = null;
    this.parts.tip.hide();
    try {
      if (value) this.model = readPayload(value);
    } catch (error) {
      console.error("Seqscope token heatmap:", error);
      return this.blank("This figure cannot be drawn: its data is damaged.");
    }
    if (!this.model) return this.blank(EMPTY);
    const { model } = this;
    const asked = parseState(model.state, model.columns, model.n);
    const { sel, in: input, ...looks } = asked;
    Object.assign(this.settings, looks, { in: input === undefined ? null : input });
    this.settings.sel = sel || (input === undefined && model.columns ? model.selected.slice() : null);
    this.anchor = this.settings.sel && this.settings.sel[0];
    this.parts.empty.hidden = true;
    this.parts.frame.hidden = false;
    this.fillFoot();
    return this.rebuild();
  }

  blank(text) {
    this.parts.frame.hidden = true;
    this.parts.empty.hidden = false;
    this.parts.empty.textContent = text;
  }

  fillFoot() {
    const { badges, notes } = this.parts;
    fillPairs(badges, this.model.badges.map((badge) => [String(badge.label), String(badge.text)]));
    notes.textContent = "";
    this.model.notes.forEach((note) => notes.appendChild(element("li", "", String(note))));
    notes.hidden = this.model.notes.length === 0;
  }

  // The settings a visitor can change; a pin is also told to Python.
  change(part) {
    const before = formatState(this.settings);
    const rebuild = ["unit", "view"].some((key) => part[key] && part[key] !== this.settings[key]);
    Object.assign(this.settings, part);
    this.hovered = null;
    this.parts.tip.hide();
    if (rebuild) this.rebuild();
    else this.paint();
    const state = formatState(this.settings);
    this.say();
    if (state === before) return;
    this.root.dispatchEvent(new CustomEvent("seqscope:view", { bubbles: true, composed: true, detail: { state } }));
    if ("sel" in part || "in" in part) this.tellPython(state);
  }

  tellPython(state) {
    clearTimeout(this.telling);
    const { sel, in: input } = this.settings;
    if (!sel && input === null) return;
    const tokens = sel ? this.model.generated.slice(sel[0], sel[1] + 1) : [input];
    const value = tokens.map((i) => this.model.tokens[i].text).join("");
    // Arrow keys may pin ten tokens a second; only the one they stop at is worth a request.
    this.telling = setTimeout(() => this.emit({ index: sel || [input], value, state }), 250);
  }

  pick(u, extend) {
    const unit = this.table.units[u];
    if (unit.c0 < 0) return this.change({ sel: null, in: unit.first });
    if (extend && this.settings.sel) {
      const origin = this.table.units[this.table.unitOfToken[this.model.generated[this.anchor]]];
      const sel = [Math.min(origin.c0, unit.c0), Math.max(origin.c1, unit.c1)];
      return this.change({ sel, in: null });
    }
    this.anchor = unit.c0;
    return this.change({ sel: [unit.c0, unit.c1], in: null });
  }

  hover(target) {
    const same = JSON.stringify(target) === JSON.stringify(this.hovered);
    if (same || !this.model) return;
    this.hovered = target;
    this.paint();
    this.showTip();
  }

  // What the picture is about now: {source: unit} or {c0, c1}, or null.
  subject(pinnedOnly) {
    const { table, settings } = this;
    const at = pinnedOnly ? null : this.hovered;
    if (at) {
      const u = "u" in at ? at.u : at.column === null ? at.row : at.column;
      const c = table.targetOfUnit[u];
      return c < 0 ? { source: u } : { c0: c, c1: c };
    }
    if (settings.in !== null) return { source: table.unitOfToken[settings.in] };
    const span = targetsOfColumns(table, settings.sel);
    return span && { c0: span[0], c1: span[1] };
  }

  // The units of a subject's span as one, for captions.
  spanUnit(subject) {
    const { table } = this;
    const units = table.targets.slice(subject.c0, subject.c1 + 1).map((u) => table.units[u]);
    const text = units.map((unit) => unit.text).join("");
    return { text, c0: units[0].c0, c1: units[units.length - 1].c1 };
  }

  rankingOf(subject) {
    if (!subject) return null;
    return "source" in subject ? backward(this.table, subject.source) : forward(this.table, subject.c0, subject.c1);
  }

  rebuild() {
    const { model, parts, settings } = this;
    this.table = tableOf(model, settings.unit);
    const matrix = settings.view === "matrix";
    parts.flow.hidden = matrix;
    parts.matrix.hidden = !matrix;
    parts.hint.textContent = HINT[settings.view];
    parts.hint.hidden = model.columns === 0;
    if (matrix) this.matrix.build(this.table);
    else this.flow.build(model, this.table, settings.view === "percent");
    ["unit", "view", "range"].forEach((key) => parts[key].set(settings[key]));
    this.paint();
    const subject = this.subject(true);
    if (matrix && subject && !("source" in subject)) this.matrix.reveal(0, subject.c0);
  }

  paint() {
    if (!this.model) return;
    const { table, settings, palette } = this;
    const subject = this.subject(false);
    const ranking = this.rankingOf(subject);
    const span = (part) => (part && !("source" in part) ? table.targets.slice(part.c0, part.c1 + 1) : []);
    const source = subject && "source" in subject ? subject.source : null;
    const focus = new Set(source === null ? span(subject) : [source]);
    const held = this.subject(true);
    const pinned = new Set(held && "source" in held ? [held.source] : span(held));
    const domain = ranking ? Math.max(ranking.max, settings.range === "output" ? table.max : 0) : 0;
    const part = (value) => (domain > 0 ? Math.abs(value) / domain : 0);
    const stops = (pinned.size ? Array.from(pinned) : []).slice(0, 1);
    ["source", "prompt", "generated"].forEach((segment) => {
      const own = table.units.findIndex((unit) => unit.segment === segment);
      if (own >= 0 && !stops.some((u) => table.units[u].segment === segment)) stops.push(own);
    });
    if (settings.view === "matrix") {
      const whole = settings.range === "output";
      this.matrix.pointAt(this.hovered && "row" in this.hovered ? this.hovered : null);
      this.matrix.paint({
        ...palette, focus: new Set(span(subject)), source,
        shade: (value, at) => palette.shade(value, at),
        columnPart: (value, c) => Math.abs(value) / ((whole ? table.max : table.maxima[c]) || 1),
      });
    } else {
      const dimAfter = source === null && subject ? table.targets[subject.c1] : Infinity;
      const colour = (value) => palette.shade(value, part(value));
      const solid = (value) => palette.shade(value, 1);
      this.flow.paint({ ranking, part, colour, solid, focus, pinned, dimAfter, tabStops: stops });
    }
    this.read(subject, ranking);
    this.showLegend(domain || table.max);
  }

  read(subject, ranking) {
    const { model, table, parts } = this;
    if (!subject) {
      this.sentence = [model.columns ? UNPINNED : "The model wrote nothing, so there is nothing to explain."];
      fillPairs(parts.details, []);
    } else if ("source" in subject) {
      this.sentence = backwardCaption(model, table, ranking, table.units[subject.source]);
      fillPairs(parts.details, []);
    } else {
      const target = this.spanUnit(subject);
      this.sentence = [...forwardCaption(model, table, ranking, target), ...probabilityCaption(model, target)];
      fillPairs(parts.details, stepDetails(model, target));
    }
    fillCaption(parts.caption, this.sentence);
    this.matrix.describe("Matrix of scores. " + plainText(this.sentence));
  }

  // Told to screen readers on a pin, not while the pointer wanders.
  say() {
    if (this.model) this.parts.status.textContent = plainText(this.sentence);
  }

  showLegend(domain) {
    const { model, settings, table, parts, palette } = this;
    const perColumn = settings.view === "matrix" && settings.range === "token";
    const top = settings.view === "matrix" ? table.max : domain;
    const high = perColumn ? "strongest of the column" : formatScore(top);
    const many = settings.unit === "token" ? "" : " · a " + settings.unit + " is the sum of its tokens";
    const unit = model.unit ? " (" + model.unit + ")" : "";
    const low = model.signed ? (perColumn ? "against" : "−" + high) : "0";
    parts.legend.show(palette, model.signed, { low, high, about: "Score" + unit + many });
  }

  showTip() {
    const { hovered, table, model, parts } = this;
    const { tip } = parts;
    if (!hovered || (!("u" in hovered) && (hovered.row === null || hovered.column === null))) return tip.hide();
    const inText = "u" in hovered;
    const u = inText ? hovered.u : hovered.row;
    const unit = table.units[u];
    const column = inText ? -1 : table.targetOfUnit[hovered.column];
    const against = inText ? this.subject(true) : { c0: column, c1: column };
    const pairs = inText && unit.c0 >= 0 ? stepDetails(model, unit) : [];
    if (against && !("source" in against)) {
      const ranking = forward(table, against.c0, against.c1);
      if (ranking.rank.has(u)) {
        const to = "‘" + labelOf(this.spanUnit(against).text, 20) + "’";
        pairs.push(["Score for " + to, formatScore(ranking.values[u])]);
        pairs.push(["Share", formatPercent(ranking.shares[u])]);
        pairs.push(["Rank", ranking.rank.get(u) + " of " + ranking.order.length]);
      }
    }
    if (unit.first === unit.last) pairs.push(["Token id", String(model.tokens[unit.first].id)]);
    const box = inText ? this.flow.cells[u].getClientRects()[0] : this.matrix.boxOf(hovered);
    return box ? tip.show(box, labelOf(unit.text, 40), pairs, !inText) : tip.hide();
  }

  retheme() {
    const name = isDark(this.root) ? "dark" : "light";
    if (this.palette && this.palette.name === name) return;
    this.palette = new Palette(name);
    this.root.dataset.theme = name;
    this.paint();
  }

  resize() {
    const width = this.parts.stage.clientWidth;
    if (width === this.width || !this.model) return;
    this.width = width;
    this.parts.tip.hide();
    if (this.settings.view === "matrix") this.matrix.resize();
  }

  destroy() {
    clearTimeout(this.telling);
    clearTimeout(this.flow.leaving);
    this.stopTheme();
    this.sizes.disconnect();
    this.root.removeEventListener("keydown", this.keydown);
    this.root.textContent = "";
  }
}

// mount(root, value, {emit}) draws value (a payload, its JSON, or nothing) into root.
// emit(detail) is called with {index, value, state} when the visitor pins something.
function mount(root, value, options) {
  const heatmap = new Heatmap(root, options && options.emit);
  heatmap.update(value);
  return { update: (next) => heatmap.update(next), destroy: () => heatmap.destroy() };
}
