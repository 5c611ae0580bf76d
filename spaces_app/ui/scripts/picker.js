// A field that opens a grouped list, after the ARIA pattern of a select-only combobox. Focus stays on the field.

import { make } from "./shared/elements.js";
import { hear, tell } from "./shared/events.js";
import { Options } from "./picker-options.js";
import { part, tabOf } from "./shared/places.js";
/** @import { Facts } from "./picker-options.js" */
/** @import { Page } from "./types.js" */

/** Its value is the name that is chosen, or names separated by commas. @param {Page<string>} page @param {Facts} facts */
export function mount(page, facts) {
  const picker = new Picker(page, facts);
  picker.listen();
  picker.draw();
}

class Picker {
  /** @param {Page<string>} page @param {Facts} facts */
  constructor(page, facts) {
    const id = `seq-pick-${Math.random().toString(36).slice(2)}`;
    this.page = page;
    this.facts = facts;
    this.tab = tabOf(page.element);
    this.leaving = new AbortController();
    this.typed = "";
    this.forget = 0;
    this.field = make("button", {
      type: "button", role: "combobox", className: "seq-picker-field", "aria-haspopup": "listbox",
      "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-labelledby": `${id}-label ${id}-value`,
      "aria-describedby": `${id}-help`,
    });
    this.shown = make("span", { id: `${id}-value`, className: "seq-picker-value" });
    this.takes = make("span", { className: "seq-picker-takes" });
    this.field.append(this.shown, this.takes);
    this.options = new Options(id, facts, {
      point: (index) => this.mark(index, null),
      pick: (index) => this.pick(index),
    });
    this.note = make("p", { className: "seq-picker-note" });
    this.sheet = make("div", { className: "seq-picker-sheet", popover: "manual", hidden: true });
    this.sheet.append(this.options.list, this.note);
    part(page.element, ".seq-picker").replaceChildren(
      make("span", { id: `${id}-label`, className: "seq-picker-label" }, facts.label),
      make("span", { id: `${id}-help`, className: "seq-picker-help" }, facts.help),
      this.field,
      this.sheet,
    );
  }

  listen() {
    const { field, sheet, tab } = this;
    const { signal } = this.leaving;
    field.addEventListener("click", () => (this.isOpen() ? this.close() : this.open()));
    field.addEventListener("blur", () => this.close());
    sheet.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    field.addEventListener("keydown", (event) => this.key(event));
    const here = (/** @type {() => void} */ act) => (this.page.element.isConnected ? act() : this.leaving.abort());
    const follow = () => here(() => this.isOpen() && this.place());
    window.addEventListener("scroll", follow, { signal, capture: true, passive: true });
    window.addEventListener("resize", follow, { signal });
    hear(tab, "seqscope:costs", () => here(() => this.price()), { signal });
    this.page.watch("value", () => this.draw());
  }

  /** The names that are chosen. @returns {string[]} */
  chosen() {
    return String(this.page.props.value ?? "").split(",").filter(Boolean);
  }

  draw() {
    const labels = this.options.choose(this.chosen());
    this.shown.textContent = labels.join(", ") || (this.facts.several ? "None" : "");
    this.price();
  }

  /** What each choice takes, and why some are not possible, as far as the page knows. */
  price() {
    const costs = this.tab.seqCosts ?? {};
    const own = this.facts.column === (costs.field ?? "");
    const total = this.options.price(costs, own, this.chosen());
    const known = own && total === total && Object.keys(costs.seconds ?? {}).length > 0;
    this.takes.textContent = known ? this.options.duration(total) : "";
    this.note.textContent = own ? (costs.note ?? "") : "";
    this.note.hidden = this.note.textContent === "";
  }

  /** @param {number} index */
  pick(index) {
    const { facts, options, page } = this;
    if (!options.possible(index)) return;
    const name = options.nameOf(index);
    const names = this.chosen();
    const without = names.filter((each) => each !== name);
    const kept = without.length < names.length ? without : [...names, name];
    const value = facts.several ? options.ordered(kept).join(",") : name;
    if (!facts.several) this.close();
    if (value === page.props.value) return;
    page.props.value = value;
    this.draw();
    page.trigger("input");
  }

  /** reveal: where the option is scrolled to; null leaves the list. @param {number} index @param {ScrollLogicalPosition | null} [reveal] */
  mark(index, reveal = "nearest") {
    const at = this.options.activate(index);
    if (!at) return this.field.removeAttribute("aria-activedescendant");
    this.field.setAttribute("aria-activedescendant", at.id);
    if (reveal) at.scrollIntoView({ block: reveal });
  }

  isOpen() {
    return this.field.getAttribute("aria-expanded") === "true";
  }

  /** Under the field, or above it where there is more room. */
  place() {
    const at = this.field.getBoundingClientRect();
    const width = Math.min(Math.max(at.width, 380), innerWidth - 24);
    const [below, above] = [innerHeight - at.bottom - 16, at.top - 16];
    const up = below < 260 && above > below;
    Object.assign(this.sheet.style, {
      width: `${width}px`,
      left: `${Math.max(12, Math.min(at.left, innerWidth - width - 12))}px`,
      top: up ? "auto" : `${at.bottom + 4}px`,
      bottom: up ? `${innerHeight - at.top + 4}px` : "auto",
    });
    this.options.list.style.maxHeight = `${Math.min(560, up ? above : below) - (this.note.hidden ? 16 : 56)}px`;
  }

  open() {
    if (this.isOpen()) return;
    this.sheet.hidden = false;
    this.sheet.showPopover?.();
    this.place();
    this.field.setAttribute("aria-expanded", "true");
    tell(this.tab, "seqscope:wanted", null);
    this.mark(Math.max(0, this.options.find((entry) => this.chosen().includes(entry.name))), "center");
  }

  close() {
    if (!this.isOpen()) return;
    this.sheet.hidePopover?.();
    this.sheet.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.mark(-1);
  }

  /** Goes to the option that begins with what is typed. @param {string} letter */
  seek(letter) {
    clearTimeout(this.forget);
    this.typed += letter.toLowerCase();
    this.forget = setTimeout(() => (this.typed = ""), 700);
    const found = this.options.find((entry) => entry.label.toLowerCase().startsWith(this.typed));
    if (found >= 0) this.mark(found);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { key } = event;
    const { active, count } = this.options;
    const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
    const presses = key === "Enter" || key === " ";
    if (!this.isOpen()) {
      if (!step && !presses) return;
      event.preventDefault();
      return this.open();
    }
    if (key === "Escape") this.close();
    else if (step) this.mark((active + step + count) % count);
    else if (key === "Home") this.mark(0);
    else if (key === "End") this.mark(count - 1);
    else if (presses) this.pick(active);
    else if (key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) return this.seek(key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
