// What leads from note to note, and what a note is written with.

import { LONGEST_PIN } from "./pin-text.js";
import { element, stepOf, uniqueId } from "./widgets.js";

// The two buttons that lead from note to note, and what is said on the way.
export class Tour {
  /** @param {HTMLElement} host @param {(step: number) => void} walk */
  constructor(host, walk) {
    this.node = host.appendChild(element("div", "sp-tour"));
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Tour of the notes");
    const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {number} */ step) => {
      const made = this.node.appendChild(element("button", "sp-step", text));
      made.type = "button";
      made.setAttribute("aria-label", label);
      made.addEventListener("click", () => walk(step));
    };
    button("‹ Previous", "Previous note", -1);
    button("Next ›", "Next note", 1);
    this.said = this.node.appendChild(element("p", "sp-said"));
    this.said.setAttribute("aria-live", "polite");
    this.node.addEventListener("keydown", (event) => {
      const step = stepOf(event);
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      walk(step);
    });
  }

  /** @param {number} count @param {number} at @param {string} sentence */
  show(count, at, sentence) {
    this.node.hidden = count === 0;
    const text = at < 0 ? (count === 1 ? "One note" : count + " notes") : "Note " + (at + 1) + " of " + count + ", " + sentence;
    if (this.said.textContent !== text) this.said.textContent = text;
  }
}

// A button that opens a line to write in.
export class PinForm {
  /** @param {HTMLElement} host @param {(text: string) => string} add */
  constructor(host, add) {
    this.node = host.appendChild(element("div", "sp-form"));
    this.open = this.node.appendChild(element("button", "sp-open"));
    this.open.type = "button";
    this.line = this.node.appendChild(element("div", "sp-line"));
    this.label = this.line.appendChild(element("label", "sp-label"));
    this.field = this.line.appendChild(element("input", "sp-field"));
    Object.assign(this.field, { type: "text", maxLength: LONGEST_PIN, autocomplete: "off", id: uniqueId("sp-field") });
    this.label.htmlFor = this.field.id;
    const button = this.line.appendChild(element("button", "sp-add", "Add"));
    button.type = "button";
    this.said = this.node.appendChild(element("p", "sp-refused"));
    this.said.setAttribute("role", "status");
    this.line.hidden = true;
    const send = () => {
      this.said.textContent = add(this.field.value);
      if (!this.said.textContent) this.toggle(false);
    };
    this.open.addEventListener("click", () => this.toggle(true));
    button.addEventListener("click", send);
    this.field.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the page's own keys are not meant while somebody writes
      if (event.isComposing) return;
      if (event.key === "Enter") {
        event.preventDefault(); // the key would press the button that takes the focus
        send();
      } else if (event.key === "Escape") this.toggle(false);
    });
  }

  /** @param {boolean} writing */
  toggle(writing) {
    this.line.hidden = !writing;
    this.open.hidden = writing;
    this.said.textContent = "";
    this.field.value = "";
    (writing ? this.field : this.open).focus();
  }

  /** name: of what a note would be pinned to, or null. @param {string | null} name */
  show(name) {
    this.open.textContent = name === null ? "Add a note: click a word first" : "Add a note to ‘" + name + "’";
    this.open.disabled = name === null;
    this.label.textContent = "Note on ‘" + (name || "") + "’";
  }
}
