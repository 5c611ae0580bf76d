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
const table = make("table");
host.replaceChildren(form, said, table);

function line(tag, texts) {
  const row = make("tr");
  texts.forEach((text, i) => {
    const cell = make(tag === "th" || i === 0 ? "th" : "td", { dir: "auto" }, text);
    if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
    row.append(cell);
  });
  return row;
}

function draw() {
  const { sentence = "", error = "", facts = null, sides = ["", ""] } = props.value ?? {};
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
form.addEventListener("submit", (event) => {
  event.preventDefault();
  said.textContent = "Comparing …";
  said.dataset.tone = "idle";
  trigger("compare", { first: fields[0].value, second: fields[1].value });
});
draw();
