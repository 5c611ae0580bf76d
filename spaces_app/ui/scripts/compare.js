// Two links to compare: fields, a button, and what differs between the two as a table. Always text, never markup.

import { copyFrom } from "./shared/copying.js";
import { make } from "./shared/elements.js";
import { hear, tell } from "./shared/events.js";
import { pageOf, part } from "./shared/places.js";
/** @import { Page } from "./types.js" */

const NOTE = "Both links are sent to this server, which must have their results: recorded, or stored by a run.";
const MAX_LINK = 3800;

/** @typedef {{ name: string, first: string, second: string }} Fact */
/**
 * links: what to put into the fields; facts: what differs; sides: what the two are; query, base: the link to both.
 * @typedef {{ sentence?: string, error?: string, facts?: Fact[], sides?: [string, string], links?: string[],
 *   view?: string, query?: string, base?: string }} Report
 */

/** @param {Page<Report>} page */
export function mount({ element, props, trigger, watch }) {
  const { form, fields } = makeForm();
  const said = make("p", { className: "seq-compare-said", role: "status" });
  const { own, address } = makeLink();
  const table = make("table");
  part(element, ".seq-compare").replaceChildren(form, said, own, table);
  const root = pageOf(element);
  let view = "";

  // Puts the comparison into the address bar, as figures do, and into the field.
  const link = (/** @type {boolean} */ write) => {
    const { query = "", base = "" } = props.value || {};
    own.hidden = query === "";
    if (query === "") return;
    const whole = view && query.length + view.length < MAX_LINK ? `${query}&view=${view}` : query;
    tell(root, "seqscope:link", { link: whole, write });
    const place = base || location.origin + location.pathname;
    address.value = place + (root.dataset.linkPlace === "fragment" ? "#" : "?") + whole;
  };
  const say = (/** @type {string} */ text, tone = "idle") => {
    said.textContent = text;
    said.dataset.tone = tone;
  };
  const draw = () => {
    const { sentence = "", error = "", facts, sides = ["", ""], links, view: shown = "" } = props.value || {};
    if (links) fields.forEach((field, i) => (field.value = links[i]));
    view = shown;
    link(true);
    say(error || sentence, error ? "error" : "idle");
    table.hidden = !facts;
    table.replaceChildren(...(facts ? rows(facts, sides) : []));
  };
  watch("value", draw);
  // Notes on a comparison travel nowhere.
  hear(element.closest(".seq-compare-tab") ?? element, "seqscope:view", (detail) => {
    view = String(detail?.state ?? "").split(",").filter((each) => !each.startsWith("note:")).join();
    link(detail?.quiet !== true);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say("Comparing …");
    trigger("compare", { first: fields[0].value, second: fields[1].value });
  });
  draw();
}

function makeForm() {
  const form = make("form", { noValidate: true });
  const fields = ["First", "Second"].map((name) => {
    const label = make("label", {}, `${name} link`);
    const field = make("input", { type: "text", spellcheck: false, autocomplete: "off", maxLength: 16000 });
    label.append(field);
    form.append(label);
    return field;
  });
  form.append(make("button", { type: "submit" }, "Compare"), make("p", { className: "seq-compare-note" }, NOTE));
  return { form, fields };
}

function makeLink() {
  const own = make("div", { className: "seq-compare-link", hidden: true });
  const named = make("label", {}, "Link to this comparison");
  const address = make("input", { type: "text", readOnly: true });
  const copy = make("button", { type: "button" }, "Copy link");
  named.append(address);
  own.append(named, copy);
  address.addEventListener("focus", () => address.select());
  copy.addEventListener("click", () => copyFrom(address, copy, "Copy link"));
  return { own, address };
}

/** @param {Fact[]} facts @param {[string, string]} sides @returns {HTMLElement[]} */
function rows(facts, sides) {
  const head = make("thead");
  head.append(line("th", ["Differs in", `First: ${sides[0]}`, `Second: ${sides[1]}`]));
  const body = make("tbody");
  facts.forEach(({ name, first, second }) => body.append(line("td", [name, first, second])));
  if (!facts.length) body.append(line("td", ["Nothing", "–", "–"]));
  return [head, body];
}

/** @param {"th" | "td"} tag @param {string[]} texts @returns {HTMLElement} */
function line(tag, texts) {
  const row = make("tr");
  texts.forEach((text, i) => {
    const cell = make(tag === "th" || i === 0 ? "th" : "td", { dir: "auto" }, text);
    if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
    row.append(cell);
  });
  return row;
}
