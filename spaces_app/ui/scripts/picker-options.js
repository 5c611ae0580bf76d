// The options of a list: grouped, each with a line about it and what it takes.

import { make } from "./shared/elements.js";
/** @import { Costs } from "./types.js" */

/** @typedef {{ name: string, label: string, group: string, about: string }} Entry */
/** @typedef {{ entries: Entry[], several: boolean, column: string, label: string, help: string }} Facts */
/** @typedef {{ entry: Entry, option: HTMLElement, cost: HTMLElement, about: HTMLElement }} Option */

export class Options {
  /**
   * on: point(index) hears of the pointer, pick(index) of a click.
   * @param {string} id @param {Facts} facts @param {{ point(index: number): void, pick(index: number): void }} on
   */
  constructor(id, facts, on) {
    const several = facts.several ? { "aria-multiselectable": "true" } : {};
    const labelled = { "aria-labelledby": `${id}-label`, ...several };
    this.list = make("div", { id: `${id}-list`, className: "seq-picker-list", role: "listbox", ...labelled });
    this.facts = facts;
    this.active = -1;
    /** @type {Map<string, HTMLElement>} */
    const groups = new Map();
    /** @type {Option[]} */
    this.all = facts.entries.map((entry, i) => {
      let group = groups.get(entry.group);
      if (!group) {
        const name = `${id}-g${groups.size}`;
        group = this.list.appendChild(make("div", { role: "group", "aria-labelledby": name }));
        group.append(make("div", { id: name, className: "seq-picker-group", role: "presentation" }, entry.group));
        groups.set(entry.group, group);
      }
      const looks = { id: `${id}-o${i}`, role: "option", className: "seq-picker-option", "aria-selected": "false" };
      const option = group.appendChild(make("div", looks));
      const cost = make("span", { className: "seq-picker-cost" });
      const about = make("span", { className: "seq-picker-about" }, entry.about);
      option.append(make("span", { className: "seq-picker-name" }, entry.label), cost, about);
      option.addEventListener("pointermove", () => on.point(i));
      option.addEventListener("click", () => on.pick(i));
      return { entry, option, cost, about };
    });
  }

  get count() {
    return this.all.length;
  }

  /** @param {number} index @returns {string} */
  nameOf(index) {
    return this.all[index].entry.name;
  }

  /** Whether an option can be taken or given up. @param {number} index @returns {boolean} */
  possible(index) {
    return index in this.all && !this.all[index].option.hasAttribute("aria-disabled");
  }

  /** The place of the first entry that fits, or -1. @param {(entry: Entry) => boolean} fits @returns {number} */
  find(fits) {
    return this.all.findIndex(({ entry }) => fits(entry));
  }

  /** Names in the list's order. @param {string[]} names @returns {string[]} */
  ordered(names) {
    return this.all.map(({ entry }) => entry.name).filter((name) => names.includes(name));
  }

  /** Marks what is chosen. Returns the labels. @param {string[]} names @returns {string[]} */
  choose(names) {
    this.all.forEach(({ entry, option }) => option.setAttribute("aria-selected", String(names.includes(entry.name))));
    return this.all.filter(({ entry }) => names.includes(entry.name)).map(({ entry }) => entry.label);
  }

  /** Marks the option that keys act on; -1 for none. @param {number} index @returns {HTMLElement | undefined} */
  activate(index) {
    this.all[this.active]?.option.removeAttribute("data-active");
    this.active = index;
    const option = this.all[index]?.option;
    option?.setAttribute("data-active", "");
    return option;
  }

  /** @param {number} seconds @returns {string} */
  duration(seconds) {
    if (seconds < 1) return "under 1 s";
    return seconds < 90 ? `about ${Math.round(seconds)} s` : `about ${Math.round(seconds / 60)} min`;
  }

  /**
   * Writes beside each option what it takes. own: whether the seconds are those of this list. Returns the seconds of
   * all that is chosen, NaN where they are not known.
   * @param {Costs} costs @param {boolean} own @param {string[]} chosen @returns {number}
   */
  price({ seconds = {}, reasons = {}, limit = 0 }, own, chosen) {
    const impossible = reasons[this.facts.column] ?? {};
    let total = 0;
    this.all.forEach(({ entry, option, cost, about }) => {
      const time = own ? seconds[entry.name] : undefined;
      const late = typeof time === "number" && limit > 0 && time > limit;
      const reason = impossible[entry.name] ?? "";
      const taken = chosen.includes(entry.name);
      if (taken) total += typeof time === "number" ? time : NaN;
      cost.textContent = reason || typeof time !== "number" ? "" : this.duration(time);
      about.textContent = reason || (late ? `${entry.about} Too slow here: the limit is ${limit} s.` : entry.about);
      option.toggleAttribute("data-impossible", reason !== "");
      // What is chosen already can be given up, possible or not.
      if (reason && !taken) option.setAttribute("aria-disabled", "true");
      else option.removeAttribute("aria-disabled");
    });
    return total;
  }
}
