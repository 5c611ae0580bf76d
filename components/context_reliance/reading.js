// What the figure writes: text cells, the answer without the context, sentences, captions and pairs.

import { Figure } from "../figure/base.js";
import { appendPieces, element } from "../figure/widgets.js";
import { directionOf, formatProbability, formatScore, labelOf, quote, SPACE } from "../figure/words.js";
import { chosenOf, product, sentenceRanking, sum } from "./model.js";

export class Reading extends Figure {
  numbersOf(unit) {
    const metric = this.metric();
    const suffix = metric.unit ? SPACE + metric.unit : "";
    const pairs = [[metric.label, formatScore(this.table.dependence(metric, unit)) + suffix]];
    const p = (list) => product(unit.at.map((c) => list[c]));
    if (this.model.with.length) pairs.push(["With the context", formatProbability(p(this.model.with))]);
    if (this.model.without.length) pairs.push(["Without it", formatProbability(p(this.model.without))]);
    return pairs;
  }

  fill(host, units, pickable) {
    host.textContent = "";
    host.dir = directionOf(units.filter((unit) => !unit.special).map((unit) => unit.text).join(""));
    if (pickable) {
      host.setAttribute("role", "listbox");
      host.setAttribute("aria-label", "Answer; words that depend on the context are underlined");
      host.setAttribute("aria-orientation", "horizontal");
    }
    return units.map((unit, u) => {
      const cell = element("span", "ss-cell" + (unit.special ? " ss-special" : ""));
      const outside = appendPieces(cell, unit.text);
      if (pickable) {
        cell.setAttribute("role", "option");
        cell.dataset.u = u;
        cell.tabIndex = u === 0 ? 0 : -1;
      }
      cell.ssBase = cell.className;
      if (outside.before) host.appendChild(document.createTextNode(outside.before));
      host.appendChild(cell);
      if (outside.after) host.appendChild(document.createTextNode(outside.after));
      return cell;
    });
  }

  // Beneath the answer: what the model would have written without the context, differences marked.
  writeAlternatives() {
    const { model, parts } = this;
    const note = parts.without;
    note.textContent = "";
    const spans = model.alternatives;
    note.hidden = spans.length === 0;
    if (!spans.length) return;
    note.appendChild(element("span", "ss-label sc-answer-label", "Without the context"));
    const text = note.appendChild(element("span", "sc-text sc-alternative"));
    text.dir = directionOf(spans.map((span) => span.text).join(""));
    spans.forEach((span) => {
      const piece = element(span.same ? "span" : "mark", span.same ? "sc-same" : "sc-other");
      const outside = appendPieces(piece, span.text === "" ? "∅" : span.text);
      if (outside.before) text.appendChild(document.createTextNode(outside.before));
      text.appendChild(piece);
      if (outside.after) text.appendChild(document.createTextNode(outside.after));
    });
    const same = spans.every((span) => span.same);
    note.appendChild(element("span", "sc-same-note", same ? "The same: the context changes no word." : ""));
  }

  markAlternatives(shown) {
    const columns = new Set(shown.flatMap((u) => this.table.answer[u].at));
    const pieces = this.parts.without.querySelectorAll(".sc-same, .sc-other");
    this.model.alternatives.forEach((span, i) => {
      const touches = Array.from(columns).some((c) => c >= span.start && c <= span.stop);
      pieces[i].classList.toggle("sc-beneath", touches);
    });
  }

  // Cues of what is looked at: {order: chosen context units, values}.
  cuesOf(shown) {
    const { context, answer, cue } = this.table;
    const values = context.map((unit) => (unit.special ? 0 : sum(shown.map((u) => cue(unit, answer[u])))));
    return { values, ...chosenOf(values, { sigma: this.settings.cue, least: 0, top: 0 }) };
  }

  paintSentences(shown) {
    const { parts, model, table } = this;
    const all = table.answer.flatMap((unit) => unit.at);
    const columns = shown.length ? shown.flatMap((u) => table.answer[u].at) : all;
    this.ranking = sentenceRanking(model, columns);
    const high = Math.max(...this.ranking.map((row) => Math.abs(row.fall)), 1e-12);
    const before = formatProbability(product(columns.map((c) => model.with[c])));
    parts.sentences.textContent = "";
    this.ranking.forEach((row) => {
      const item = parts.sentences.appendChild(element("li", "sc-sentence"));
      const text = item.appendChild(element("bdi", "sc-sentence-text"));
      appendPieces(text, row.text.trim());
      const bar = item.appendChild(element("span", "sc-sentence-bar"));
      bar.style.width = Math.round((100 * Math.max(0, row.fall)) / high) + "%";
      const fact = "Without it p goes from " + before + " to " + formatProbability(row.p) + ".";
      const weight = row.weight === null ? "" : " Weight in the sparse model: " + formatScore(row.weight) + ".";
      item.appendChild(element("span", "sc-sentence-fact", fact + weight));
    });
  }

  cueCaption(subject, shown) {
    if (!shown.some((u) => this.table.explained(this.table.answer[u]))) {
      return ["No cues were computed for ", quote(subject), ": only words that stood out have them."];
    }
    const names = this.cues.chosen.slice(0, 3).map((u) => this.table.context[u]);
    if (!names.length) return [quote(subject), " has no cue in the context that passes the cut."];
    const parts = [quote(subject), " depends on "];
    names.forEach((unit, i) => {
      if (i > 0) parts.push(i === names.length - 1 ? " and " : ", ");
      parts.push(quote(unit));
    });
    return [...parts, "."];
  }

  sentenceCaption(subject) {
    const [first] = this.ranking;
    if (!first || first.fall < 0.02) return [quote(subject), " is as likely without any one of the sentences."];
    const text = { text: first.text.trim() };
    return [quote(subject), " relies most on the sentence ", quote(text, 60), "."];
  }

  // Every dependent word with its cues, as «il» ← «mucca».
  listPairs() {
    const { table, parts, flags } = this;
    flags.chosen.slice(0, 12).forEach((u) => {
      const cues = this.cuesOf([u]);
      const item = parts.pairs.appendChild(element("li", "sc-pair"));
      const button = item.appendChild(element("button", "sc-pair-button"));
      button.type = "button";
      const cell = (text) => "«" + labelOf(text, 24) + "»";
      button.appendChild(element("bdi", "sc-pair-word", cell(table.answer[u].text)));
      button.appendChild(document.createTextNode(" ← "));
      const without = table.explained(table.answer[u]) ? "no single word" : "not computed";
      const names = cues.chosen.slice(0, 4).map((c) => cell(table.context[c].text));
      button.appendChild(element("bdi", "", names.length ? names.join(" ") : without));
      button.addEventListener("click", () => this.pick(u));
    });
    parts.pairs.hidden = flags.chosen.length === 0;
  }
}
