// All recorded examples of all tabs in a dialog: what each asks, and a small picture of its numbers. Fetched when opened.

import { makeDialog } from "./shared/dialogs.js";
import { make } from "./shared/elements.js";
import { part } from "./shared/places.js";
/** @import { Page } from "./types.js" */

/** cells: shades from -8 to 8, null where there is no number. @typedef {{ name: string, title: string, question: string, label: string, cells: (number | null)[][] }} Item */
/** @typedef {{ title: string, question: string, items: Item[] }} Group */

/** @param {Page<{ tabs?: Group[] }>} page */
export function mount({ element, props, trigger, watch }) {
  const open = make("button", { type: "button", className: "seq-overview-open", "aria-haspopup": "dialog" }, "All examples");
  const { box, head, close } = makeDialog("seq-share-dialog seq-overview-dialog", "All examples");
  const find = make("input", { type: "search", placeholder: "Find", autocomplete: "off", "aria-label": "Find an example" });
  head.insertBefore(find, close);
  close.autofocus = true; // not the field, which would bring up a phone's keyboard
  const said = box.appendChild(make("p", { role: "status" }));
  const list = box.appendChild(make("div"));
  part(element, ".seq-overview").replaceChildren(open, box);
  const tabs = () => (props.value || {}).tabs;

  const narrow = () => {
    const left = shownOf(list, find.value.trim().toLowerCase());
    if (tabs()) said.textContent = left ? "" : "No example has these words.";
  };
  const pick = (/** @type {string} */ name) => {
    box.close();
    trigger("pick", { name });
  };
  watch("value", () => {
    const known = tabs();
    if (!known) return;
    said.textContent = "";
    list.replaceChildren(...known.map((tab) => section(tab, pick)));
    narrow();
  });
  find.addEventListener("input", narrow);
  open.addEventListener("click", () => {
    box.showModal();
    if (tabs()) return;
    said.textContent = "Fetching the examples …";
    trigger("ask");
  });
}

/** @param {Group} tab @param {(name: string) => void} pick @returns {HTMLElement} */
function section(tab, pick) {
  const made = make("section");
  const cards = make("ul");
  cards.append(...tab.items.map((item) => card(item, () => pick(item.name))));
  made.append(make("h4", {}, tab.title), make("p", {}, tab.question), cards);
  return made;
}

/** @param {Item} item @param {() => void} pick @returns {HTMLElement} */
function card({ title, question, label, cells }, pick) {
  const item = make("li");
  const button = item.appendChild(make("button", { type: "button" }));
  button.append(picture(cells), make("strong", {}, title), make("span", {}, question));
  if (label) button.append(make("em", {}, label));
  button.addEventListener("click", pick);
  return item;
}

/** @param {(number | null)[][]} rows @returns {HTMLElement} */
function picture(rows) {
  const grid = make("span", { className: "seq-thumb", "aria-hidden": "true" });
  grid.style.gridTemplateColumns = `repeat(${rows[0]?.length ?? 1}, minmax(0, 12px))`;
  rows.flat().forEach((shade) => {
    const cell = grid.appendChild(make("i", { className: shade !== null && shade < 0 ? "seq-against" : "" }));
    cell.style.opacity = String(shade === null ? 0 : Math.max(Math.abs(shade) / 8, 0.05));
  });
  return grid;
}

/**
 * Shows the examples that have a word, and says how many they are.
 * @param {HTMLElement} list @param {string} word @returns {number}
 */
function shownOf(list, word) {
  let left = 0;
  list.querySelectorAll("section").forEach((group) => {
    const title = group.firstChild?.textContent ?? "";
    const items = [...group.querySelectorAll("li")];
    items.forEach((item) => (item.hidden = !`${item.textContent} ${title}`.toLowerCase().includes(word)));
    const shown = items.filter((item) => !item.hidden).length;
    group.hidden = shown === 0;
    left += shown;
  });
  return left;
}
