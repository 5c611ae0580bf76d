// The figure: factors and tokens, each pointing to the other. mount(root, value, {emit}) is all a page needs.

import { Figure, mounting } from "../figure/base.js";
import { appendPieces, element, fillCaption, fillPairs } from "../figure/widgets.js";
import { directionOf, formatPercent, formatProbability, formatScore, labelOf } from "../figure/words.js";
import { fillCard } from "./card.js";
import { peaksOf, readFactors, strongestFactor } from "./model.js";
import { buildFactors, SHOWN_AT_FIRST, Sparkline } from "./parts.js";
import { formatState, parseState } from "./state.js";

const NO_FACTORS = "Nothing to show yet. Write a text and press Run.";

class Factors extends Figure {
  constructor(root, emit) {
    super(root, emit, { name: "neuron factors", empty: NO_FACTORS });
    this.asks = Boolean(emit); // whether there is somebody to ask
    this.settings = { factor: null, token: null, more: false };
    this.over = null; // {factor} or {token} under the pointer
    this.parts = buildFactors(root, { more: () => this.change({ more: !this.settings.more }) });
    this.listen(this.parts.list, ".sn-factor", "f", "factor");
    this.listen(this.parts.text, ".ss-cell", "t", "token");
    this.parts.stage.addEventListener("click", (event) => {
      if (!event.target.closest(".sn-factor, .ss-cell, button")) this.change({ factor: null, token: null });
    });
    this.onEscape(() => this.change({ factor: null, token: null }));
    this.follow();
  }

  listen(host, selector, key, name) {
    const at = (event) => {
      const node = event.target.closest ? event.target.closest(selector) : null;
      return node && host.contains(node) ? Number(node.dataset[key]) : null;
    };
    host.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.hover(at(event) === null ? null : { [name]: at(event) });
    });
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("focusin", (event) => {
      if (at(event) !== null && event.target.matches(":focus-visible")) this.hover({ [name]: at(event) });
    });
    host.addEventListener("focusout", () => this.hover(null));
    host.addEventListener("click", (event) => {
      if (at(event) !== null) this.pin(name, at(event));
    });
    host.addEventListener("keydown", (event) => this.key(event, at(event), host.querySelectorAll(selector), name, key));
  }

  key(event, at, nodes, name, key) {
    if (at === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const list = Array.from(nodes);
    const place = list.findIndex((node) => Number(node.dataset[key]) === at);
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const chosen = event.key === "Enter" || event.key === " ";
    if (step === undefined && !chosen) return;
    event.preventDefault();
    const next = chosen ? list[place] : list[place + step];
    if (!next) return;
    next.focus();
    this.pin(name, Number(next.dataset[key]), !chosen);
  }

  load(data) {
    this.model = readFactors(data);
  }

  begin() {
    this.over = null;
    this.carded = undefined;
    const { model, parts } = this;
    const fresh = { factor: model.selected >= 0 ? model.selected : null, token: null, more: false };
    Object.assign(this.settings, fresh, parseState(model.state, model.factors.length, model.tokens.length));
    parts.hint.textContent = "Each token has the colour of its strongest factor. Point at a factor to see where it is active.";
  }

  state() {
    return formatState(this.settings);
  }

  change(part) {
    const before = this.state();
    Object.assign(this.settings, part);
    this.over = null;
    this.paint();
    if (!this.announce(before)) return;
    const { token, factor } = this.settings;
    clearTimeout(this.telling);
    if (token === null && factor === null) return;
    const value = token === null ? "factor " + this.model.factors[factor].number : this.model.tokens[token].text;
    this.tellPython(token === null ? [factor] : [token], value);
  }

  words() {
    return this.model.tokens;
  }

  pinned() {
    const { token } = this.settings;
    return token === null ? null : [token, token];
  }

  choose(first) {
    this.change({ token: first });
  }

  // A click on what is pinned lets it go, except when arrow keys lead there.
  pin(name, at, stay) {
    this.change({ [name]: this.settings[name] === at && !stay ? null : at });
  }

  hover(over) {
    if (!this.model || JSON.stringify(over) === JSON.stringify(this.over)) return;
    this.over = over;
    this.paint();
    this.showTip();
  }

  // ---- notes: see Pins. A place is a token's number, or "f3" for the third factor.

  placeOf(node) {
    const factor = node.closest(".sn-factor");
    const cell = node.closest(".ss-cell");
    return factor ? "f" + (Number(factor.dataset.f) + 1) : cell && cell.dataset.t !== undefined ? cell.dataset.t : null;
  }

  pinPlace() {
    const { factor, token } = this.settings;
    return factor !== null ? "f" + (factor + 1) : token === null ? null : String(token);
  }

  nameOf(place) {
    if (!place.startsWith("f")) return super.nameOf(place);
    const factor = this.model.factors[Number(place.slice(1)) - 1];
    return factor ? "Factor " + factor.number : null;
  }

  nodesOf(place) {
    const node = place.startsWith("f") ? this.lines[Number(place.slice(1)) - 1].node : this.cells[Number(place)];
    return node ? [node] : [];
  }

  visit(place) {
    if (place.startsWith("f")) this.change({ factor: Number(place.slice(1)) - 1, token: null });
    else this.change({ factor: null, token: Number(place) });
  }

  rebuild() {
    const { model, parts } = this;
    parts.list.textContent = "";
    this.lines = model.factors.map((factor) => new Sparkline(factor, model.tokens));
    this.lines.forEach((line) => parts.list.appendChild(line.node));
    this.fillText();
    this.paint();
  }

  fillText() {
    const { model, parts } = this;
    const host = parts.text;
    host.textContent = "";
    host.classList.toggle("ss-long", model.tokens.length > 60);
    this.cells = [];
    let line = null;
    let segment = null;
    model.tokens.forEach((token, i) => {
      const part = token.segment === "source" ? "source" : "output";
      if (part !== segment) {
        segment = part;
        line = host.appendChild(element("div", "ss-line"));
        line.setAttribute("role", "listbox");
        line.setAttribute("aria-label", part === "source" ? "Source tokens" : "Tokens");
        line.dir = directionOf(model.tokens.filter((t) => (t.segment === "source") === (part === "source")).map((t) => t.text).join(""));
      }
      if (i > 0 && model.cells[i] === model.cells[i - 1]) return this.cells.push(this.cells[i - 1]);
      const cell = element("span", "ss-cell" + (token.special ? " ss-special" : "") + (token.segment === "generated" ? " sn-written" : ""));
      cell.setAttribute("role", "option");
      cell.setAttribute("aria-selected", "false");
      cell.dataset.t = i;
      cell.tabIndex = i === 0 ? 0 : -1;
      cell.ssBase = cell.className;
      const outside = appendPieces(cell, token.text);
      if (outside.before) line.appendChild(document.createTextNode(outside.before));
      line.appendChild(cell);
      if (outside.after) line.appendChild(document.createTextNode(outside.after));
      return this.cells.push(cell);
    });
  }

  paint() {
    if (!this.model) return;
    const { model, settings, over, parts } = this;
    const token = over && "token" in over ? over.token : settings.token;
    const factor = over && "factor" in over ? over.factor : over ? null : settings.factor;
    this.lines.forEach((line, f) => {
      line.node.hidden = !settings.more && f >= SHOWN_AT_FIRST && settings.factor !== f;
      line.mark(token === null ? -1 : token, f === factor, f === settings.factor);
      line.node.tabIndex = f === (settings.factor || 0) ? 0 : -1;
    });
    const rest = model.factors.length - SHOWN_AT_FIRST;
    parts.more.hidden = rest <= 0;
    parts.more.textContent = settings.more ? "Show fewer" : "Show " + rest + " more";
    const seen = new Set();
    this.cells.forEach((cell, i) => {
      if (seen.has(cell)) return;
      seen.add(cell);
      const f = factor === null ? strongestFactor(model, i) : factor;
      const part = f < 0 ? 0 : Math.max(0, model.factors[f].values[i] / (model.factors[f].most || 1)) || 0;
      const look = f >= 0 && part > 0.04 ? " sn-tinted sn-hue-" + (f % SHOWN_AT_FIRST) : "";
      const pinned = settings.token !== null && this.cells[settings.token] === cell;
      cell.className = cell.ssBase + look + (pinned ? " ss-pinned" : "");
      cell.style.setProperty("--sn-part", (100 * part).toFixed(0) + "%");
      cell.setAttribute("aria-selected", pinned ? "true" : "false");
    });
    this.read(factor, token);
    this.fillCard(settings.factor === null ? null : model.factors[settings.factor]);
  }

  // Made anew for another factor only: a button must stay where it is while the pointer moves over the figure.
  fillCard(factor) {
    if (this.carded === factor) return;
    this.carded = factor;
    const ask = factor && (() => this.emit({ ask: "ablate", factor: factor.number, index: factor.i, value: "factor " + factor.number }));
    fillCard(this.parts.card, this.model, factor, this.asks ? ask : null);
  }

  read(factor, token) {
    const { model, parts } = this;
    if (factor !== null && factor !== undefined) {
      const known = model.factors[factor];
      const texts = peaksOf(known, 12).map((i) => labelOf(model.tokens[i].text, 20));
      const peaks = Array.from(new Set(texts)).slice(0, 3).map((quote) => ({ quote }));
      this.sentence = ["Factor " + known.number + " is most active at "];
      peaks.forEach((peak, i) => this.sentence.push(...(i ? [i === peaks.length - 1 ? " and " : ", "] : []), peak));
      this.sentence.push("; it holds " + formatPercent(known.share) + " of the activation.");
      fillPairs(parts.details, token === null ? [] : this.told(token));
    } else if (token !== null) {
      const best = strongestFactor(model, token);
      const name = { quote: labelOf(model.tokens[token].text, 24) };
      this.sentence = best < 0 ? ["No factor is active at ", name, "."]
        : ["Factor " + model.factors[best].number + " is the strongest at ", name, "."];
      fillPairs(parts.details, this.told(token));
    } else {
      this.sentence = ["Point at a factor or a token, or tap it. A click on a factor opens what is known of it."];
      fillPairs(parts.details, []);
    }
    fillCaption(parts.caption, this.sentence);
  }

  // The factors at a token, and what became of its probability without the factor whose card is open.
  told(token) {
    const { model, settings } = this;
    const open = settings.factor === null ? null : model.factors[settings.factor].ablation;
    const [before, after] = [model.written, open && open.written].map((row) => (row ? row[token] : null));
    if (typeof before !== "number" || typeof after !== "number") return this.bars(token);
    const name = open.scale ? "Probability, as it is and changed" : "Probability, with and without factor " + open.factor;
    return [...this.bars(token), [name, formatProbability(before) + " → " + formatProbability(after)]];
  }

  bars(token) {
    return this.model.factors
      .filter((factor) => factor.values[token] > 0.02 * factor.most)
      .sort((a, b) => b.values[token] / b.most - a.values[token] / a.most)
      .slice(0, 6)
      .map((factor) => ["Factor " + factor.number, formatScore(factor.values[token])]);
  }

  showTip() {
    const { over, parts, model } = this;
    if (!over || !("token" in over)) return parts.tip.hide();
    const box = this.cells[over.token].getClientRects()[0];
    const pairs = this.bars(over.token);
    return box && pairs.length ? parts.tip.show(box, labelOf(model.tokens[over.token].text, 40), pairs, false) : parts.tip.hide();
  }

}

export const mount = mounting(Factors);

export { parsePins } from "../figure/pin-text.js";
export { formatState, parseState } from "./state.js";
