// The figure: factors and tokens, each pointing to the other. mount(root, value, {emit}) is all a page needs.

const NO_FACTORS = "Nothing to show yet. Write a text and press Run.";

class Factors {
  constructor(root, emit) {
    this.root = root;
    this.emit = emit || (() => {});
    this.settings = { factor: null, token: null, more: false };
    this.over = null; // {factor} or {token} under the pointer
    this.model = null;
    this.parts = buildFactors(root, { more: () => this.change({ more: !this.settings.more }) });
    this.listen(this.parts.list, ".sn-factor", "f", "factor");
    this.listen(this.parts.text, ".ss-cell", "t", "token");
    this.parts.stage.addEventListener("click", (event) => {
      if (!event.target.closest(".sn-factor, .ss-cell, button")) this.change({ factor: null, token: null });
    });
    this.keydown = (event) => {
      if (event.key === "Escape") this.change({ factor: null, token: null });
    };
    root.addEventListener("keydown", this.keydown);
    this.stopTheme = watchTheme(root, () => (root.isConnected ? this.retheme() : this.destroy()));
    this.retheme();
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

  update(value) {
    delete this.root.dataset.stale;
    this.over = null;
    this.model = null;
    this.parts.tip.hide();
    try {
      if (value) this.model = readFactors(value);
    } catch (error) {
      console.error("Seqscope neuron factors:", error);
      return this.blank("This figure cannot be drawn: its data is damaged.");
    }
    if (!this.model) return this.blank(NO_FACTORS);
    const { model, parts } = this;
    const fresh = { factor: model.selected >= 0 ? model.selected : null, token: null, more: false };
    Object.assign(this.settings, fresh, parseFactorState(model.state, model.factors.length, model.tokens.length));
    parts.empty.hidden = true;
    parts.frame.hidden = false;
    parts.hint.textContent = "Each token has the colour of its strongest factor. Point at a factor to see where it is active.";
    fillPairs(parts.badges, model.badges.map((badge) => [String(badge.label), String(badge.text)]));
    parts.notes.textContent = "";
    model.notes.forEach((note) => parts.notes.appendChild(element("li", "", String(note))));
    parts.notes.hidden = model.notes.length === 0;
    return this.rebuild();
  }

  blank(text) {
    this.parts.frame.hidden = true;
    this.parts.empty.hidden = false;
    this.parts.empty.textContent = text;
  }

  change(part) {
    const before = formatFactorState(this.settings);
    Object.assign(this.settings, part);
    this.over = null;
    this.paint();
    const state = formatFactorState(this.settings);
    this.parts.status.textContent = plainText(this.sentence);
    if (state === before) return;
    this.root.dispatchEvent(new CustomEvent("seqscope:view", { bubbles: true, composed: true, detail: { state } }));
    const { token, factor } = this.settings;
    clearTimeout(this.telling);
    if (token === null && factor === null) return;
    const value = token === null ? "factor " + this.model.factors[factor].number : this.model.tokens[token].text;
    this.telling = setTimeout(() => this.emit({ index: token === null ? [factor] : [token], value, state }), 250);
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
    fillCard(parts.card, model, settings.factor === null ? null : model.factors[settings.factor]);
  }

  read(factor, token) {
    const { model, parts } = this;
    if (factor !== null && factor !== undefined) {
      const known = model.factors[factor];
      const peaks = peaksOf(known, 3).map((i) => ({ quote: labelOf(model.tokens[i].text, 20) }));
      this.sentence = ["Factor " + known.number + " is most active at "];
      peaks.forEach((peak, i) => this.sentence.push(...(i ? [i === peaks.length - 1 ? " and " : ", "] : []), peak));
      this.sentence.push("; it holds " + formatPercent(known.share) + " of the activation.");
      fillPairs(parts.details, token === null ? [] : this.bars(token));
    } else if (token !== null) {
      const best = strongestFactor(model, token);
      const name = { quote: labelOf(model.tokens[token].text, 24) };
      this.sentence = best < 0 ? ["No factor is active at ", name, "."]
        : ["Factor " + model.factors[best].number + " is the strongest at ", name, "."];
      fillPairs(parts.details, this.bars(token));
    } else {
      this.sentence = ["Point at a factor or a token, or tap it. A click on a factor opens what is known of it."];
      fillPairs(parts.details, []);
    }
    fillCaption(parts.caption, this.sentence);
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

  retheme() {
    const name = isDark(this.root) ? "dark" : "light";
    if (this.palette && this.palette.name === name) return;
    this.palette = new Palette(name);
    this.root.dataset.theme = name;
    this.paint();
  }

  destroy() {
    clearTimeout(this.telling);
    this.stopTheme();
    this.root.removeEventListener("keydown", this.keydown);
    this.root.textContent = "";
  }
}

function mountFactors(root, value, options) {
  const figure = new Factors(root, options && options.emit);
  figure.update(value);
  return { update: (next) => figure.update(next), destroy: () => figure.destroy() };
}
