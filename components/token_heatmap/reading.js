// What a figure says about what it shows: caption, details, legends, tip, agreement. Heatmap builds on it and keeps the
// state: model, panes, table, parts, settings, palette, hovered and pointed.

import { Figure } from "../figure/base.js";
import { fillCaption, fillPairs } from "../figure/widgets.js";
import { formatPercent, formatScore, labelOf, plainText, quote, SPACE } from "../figure/words.js";
import { fillAgreement } from "./agreement.js";
import { backwardCaption, forwardCaption, probabilityCaption, stepCaption, stepDetails } from "./captions.js";
import { fillOthers, othersText } from "./others.js";
import { rankAgreement } from "./planes.js";
import { forward } from "./rankings.js";
import { curveOf } from "./steps.js";

const UNPINNED = "Nothing is selected: point at a word, or tap it.";

export class Reader extends Figure {
  // The step score drawn under the words; null for none. Without a choice it is the first, the probability.
  curve() {
    const { model, settings } = this;
    const known = Object.keys(model.steps).filter((name) => curveOf(model, name));
    if (settings.curve === "none" || !known.length) return null;
    return curveOf(model, known.find((name) => name.replace(/_/g, "-") === settings.curve) || known[0]);
  }

  curveName() {
    const curve = this.curve();
    return curve ? curve.name : "";
  }

  // The units of a subject's span as one, for captions.
  spanUnit(subject) {
    const { table } = this;
    const units = table.targets.slice(subject.c0, subject.c1 + 1).map((u) => table.units[u]);
    const text = units.map((unit) => unit.text).join("");
    return { text, c0: units[0].c0, c1: units[units.length - 1].c1 };
  }

  showCurve(curve) {
    const { parts, model } = this;
    parts.curve.node.hidden = Object.keys(model.steps).length === 0;
    parts.curve.set(curve ? curve.name.replace(/_/g, "-") : "none");
    const unit = curve ? String((model.stepLabels[curve.name] || {}).unit || "") : "";
    const ends = curve ? formatScore(curve.low) + " to " + formatScore(curve.high) : "";
    parts.curve.note.textContent = curve && curve.name !== "probability" && unit ? ends + SPACE + unit : ends;
  }

  // The caption and what stands with it.
  tell(subject) {
    const { model, table, parts, panes } = this;
    const [{ ranking, model: shown }] = panes;
    const several = panes.length > 1;
    const target = subject && !("source" in subject) ? this.spanUnit(subject) : null;
    if (!subject) {
      this.sentence = [model.columns ? UNPINNED : "The model wrote nothing, so there is nothing to explain."];
    } else if (several) {
      this.sentence = target ? probabilityCaption(model, target) : ["What each method says of ", quote(table.units[subject.source]), "."];
    } else if (target) {
      const name = this.curveName();
      const said = [...probabilityCaption(model, target), ...stepCaption(model, target, name)];
      this.sentence = [...forwardCaption(shown, table, ranking, target), ...said];
    } else {
      this.sentence = backwardCaption(shown, table, ranking, table.units[subject.source]);
    }
    fillPairs(parts.details, target ? stepDetails(model, target, this.curveName()) : []);
    fillCaption(parts.caption, this.sentence);
    this.tellOthers();
    panes.forEach((pane) => {
      const own = !subject ? [] : target ? forwardCaption(pane.model, table, pane.ranking, target)
        : backwardCaption(pane.model, table, pane.ranking, table.units[subject.source]);
      if (several) fillCaption(pane.reading, own);
      pane.matrix.describe("Matrix of scores. " + plainText(several ? own : this.sentence));
    });
    if (several && this.ranked) this.compare(subject, target);
    else parts.agreement.hidden = true;
  }

  // The pinned token's alternatives. Left alone while the pointer wanders: the focus may be on one of them.
  tellOthers() {
    const { model, settings, parts } = this;
    const column = settings.sel ? settings.sel[0] : -1;
    if (this.told && this.told.model === model && this.told.sel === settings.sel) return;
    this.told = { model, sel: settings.sel };
    const place = settings.sel && settings.sel[1] > column ? model.tokens[model.generated[column]] : null;
    const ask = this.asks ? (other) => this.whyNot(column, other) : null;
    fillOthers(parts.others, model.others[column] || [], place, ask);
  }

  // Takes the visitor to the contrast of what was written with this word, from here on.
  whyNot(column, other) {
    const read = (token) => (token.special ? "" : token.text);
    const texts = this.model.generated.map((i) => read(this.model.tokens[i]));
    const outputs = { before: texts.slice(0, column).join(""), written: texts.join("") };
    this.emit({ ask: "why_not", column, id: other.id, text: read(other), value: other.text, ...outputs });
  }

  compare(subject, target) {
    const { panes, whole, table, parts } = this;
    const here = (i, j) => {
      const signed = panes[i].model.signed && panes[j].model.signed;
      return rankAgreement(panes[i].ranking, panes[j].ranking, signed);
    };
    const known = (i, j) => (whole && typeof whole[i][j] === "number" ? whole[i][j] : NaN);
    const name = subject && quote(target || table.units[subject.source]);
    fillAgreement(parts.agreement, panes.map((pane) => pane.model.method), { subject: name, here, whole: known });
  }

  showLegend(pane, domain) {
    const { settings, palette } = this;
    const { model, table } = pane;
    const perColumn = settings.view === "matrix" && settings.range === "token" && !model.scale;
    const top = settings.view === "matrix" && !model.scale ? table.max : domain;
    const high = perColumn ? "strongest of the column" : formatScore(top);
    const many = settings.unit === "token" || pane.several ? "" : " · a " + settings.unit + " is the sum of its tokens";
    const unit = model.unit ? " (" + model.unit + ")" : "";
    const low = model.signed ? (perColumn ? "against" : "−" + high) : "0";
    (pane.legend || this.parts.legend).show(palette, model.signed, { low, high, about: "Score" + unit + many + (model.scale ? " · common scale" : "") });
  }

  showTip() {
    const { hovered, model, parts } = this;
    const { tip } = parts;
    if (!hovered || (!("u" in hovered) && (hovered.row === null || hovered.column === null))) return tip.hide();
    const pane = this.pointed || this.panes[0];
    const { table } = pane;
    const inText = "u" in hovered;
    const u = inText ? hovered.u : hovered.row;
    const unit = table.units[u];
    const column = inText ? -1 : table.targetOfUnit[hovered.column];
    const against = inText ? this.subject(true) : { c0: column, c1: column };
    const pairs = inText && unit.c0 >= 0 ? stepDetails(model, unit, this.curveName()) : [];
    if (against && !("source" in against)) {
      const ranking = forward(table, against.c0, against.c1);
      if (ranking.rank.has(u)) {
        const to = "‘" + labelOf(this.spanUnit(against).text, 20) + "’";
        pairs.push(["Score for " + to, formatScore(ranking.values[u])]);
        pairs.push(["Share", formatPercent(ranking.shares[u])]);
        pairs.push(["Rank", ranking.rank.get(u) + " of " + ranking.order.length]);
      }
    }
    const others = inText && unit.c0 >= 0 && unit.c0 === unit.c1 ? model.others[unit.c0] || [] : [];
    if (others.length) pairs.push(["Or else", othersText(others)]);
    if (unit.first === unit.last) pairs.push(["Token id", String(model.tokens[unit.first].id)]);
    const box = pane.boxOf(hovered);
    return box ? tip.show(box, labelOf(unit.text, 40), pairs, !inText) : tip.hide();
  }
}
