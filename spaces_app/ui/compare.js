// Two links to compare: fields, a button, and what differs between the two as a table. Always text, never markup.
const host = element.querySelector(".seq-compare");
const make = (name, attributes = {}, text = "") => {
  const made = Object.assign(document.createElement(name), attributes);
  if (text) made.textContent = text;
  return made;
};
const form = make("form", { noValidate: true });
const fields = ["First", "Second"].map((name) => {
  const label = make("label", {}, `${name} link`);
  const field = make("input", { type: "text", spellcheck: false, autocomplete: "off", maxLength: 16000 });
  label.append(field);
  form.append(label);
  return field;
});
const button = make("button", { type: "submit" }, "Compare");
const note = make("p", { className: "seq-compare-note" }, "Both links are sent to this server, which must have their results: recorded, or stored by a run.");
form.append(button, note);
const said = make("p", { className: "seq-compare-said" });
said.setAttribute("role", "status");
const own = make("div", { className: "seq-compare-link", hidden: true });
const named = make("label", {}, "Link to this comparison");
const address = make("input", { type: "text", readOnly: true });
const copy = make("button", { type: "button" }, "Copy link");
named.append(address);
own.append(named, copy);
const table = make("table");
host.replaceChildren(form, said, own, table);
const root = element.closest(".gradio-container") ?? document.body;
const MAX_LINK = 3800;
let view = "";

function line(tag, texts) {
  const row = make("tr");
  texts.forEach((text, i) => {
    const cell = make(tag === "th" || i === 0 ? "th" : "td", { dir: "auto" }, text);
    if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
    row.append(cell);
  });
  return row;
}

// Puts the comparison into the address bar, as figures do, and into the field.
function link(write) {
  const { query = "", base = "" } = props.value ?? {};
  own.hidden = query === "";
  if (query === "") return;
  const whole = view && query.length + view.length < MAX_LINK ? `${query}&view=${view}` : query;
  root.dispatchEvent(new CustomEvent("seqscope:link", { detail: { link: whole, write } }));
  address.value = (base || location.origin + location.pathname) + (root.dataset.linkPlace === "fragment" ? "#" : "?") + whole;
}

function draw() {
  const { sentence = "", error = "", facts = null, sides = ["", ""], links = null } = props.value ?? {};
  if (links) fields.forEach((field, i) => (field.value = links[i]));
  view = props.value?.view ?? "";
  link(true);
  said.textContent = error || sentence;
  said.dataset.tone = error ? "error" : "idle";
  table.hidden = !facts;
  table.replaceChildren();
  if (!facts) return;
  const head = make("thead");
  head.append(line("th", ["Differs in", `First: ${sides[0]}`, `Second: ${sides[1]}`]));
  const body = make("tbody");
  facts.forEach(({ name, first, second }) => body.append(line("td", [name, first, second])));
  if (!facts.length) body.append(line("td", ["Nothing", "–", "–"]));
  table.append(head, body);
}

watch("value", draw);
// Notes on a comparison travel nowhere.
(element.closest(".seq-compare-tab") ?? element).addEventListener("seqscope:view", (event) => {
  view = String(event.detail?.state ?? "").split(",").filter((part) => !part.startsWith("note:")).join();
  link(event.detail?.quiet !== true);
});
address.addEventListener("focus", () => address.select());
copy.addEventListener("click", async () => {
  let done = true;
  try {
    await navigator.clipboard.writeText(address.value);
  } catch {
    // In an iframe without permission only the old way works.
    address.select();
    done = document.execCommand("copy");
  }
  copy.textContent = done ? "Copied" : "Press Ctrl+C";
  setTimeout(() => (copy.textContent = "Copy link"), 1600);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  said.textContent = "Comparing …";
  said.dataset.tone = "idle";
  trigger("compare", { first: fields[0].value, second: fields[1].value });
});
draw();
