// All recorded examples of all tabs in a dialog: what each asks, and a small picture of its numbers. Fetched when opened.
const host = element.querySelector(".seq-overview");
const make = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  if (name === "button") made.type = "button";
  return made;
};
const open = make("button", "seq-overview-open", "All examples");
open.setAttribute("aria-haspopup", "dialog");
const box = make("dialog", "seq-share-dialog seq-overview-dialog");
box.setAttribute("aria-label", "All examples");
const head = box.appendChild(make("div", "seq-share-head"));
head.appendChild(make("h3", "", "All examples"));
const find = head.appendChild(make("input"));
Object.assign(find, { type: "search", placeholder: "Find", autocomplete: "off" });
find.setAttribute("aria-label", "Find an example");
const close = head.appendChild(make("button", "seq-share-close", "Close"));
close.autofocus = true; // not the field, which would bring up a phone's keyboard
const said = box.appendChild(make("p"));
said.setAttribute("role", "status");
const list = box.appendChild(make("div"));
host.replaceChildren(open, box);

function picture(rows) {
  const grid = make("span", "seq-thumb");
  grid.setAttribute("aria-hidden", "true");
  grid.style.gridTemplateColumns = `repeat(${rows[0]?.length ?? 1}, minmax(0, 12px))`;
  rows.flat().forEach((shade) => {
    const cell = grid.appendChild(make("i", shade < 0 ? "seq-against" : ""));
    cell.style.opacity = shade === null ? 0 : Math.max(Math.abs(shade) / 8, 0.05);
  });
  return grid;
}

function card({ name, title, question, label, cells }) {
  const item = make("li");
  const button = item.appendChild(make("button"));
  button.append(picture(cells), make("strong", "", title), make("span", "", question));
  if (label) button.append(make("em", "", label));
  button.addEventListener("click", () => {
    box.close();
    trigger("pick", { name });
  });
  return item;
}

function draw() {
  const tabs = props.value?.tabs;
  if (!tabs) return;
  said.textContent = "";
  list.replaceChildren();
  tabs.forEach((tab) => {
    const part = list.appendChild(make("section"));
    part.append(make("h4", "", tab.title), make("p", "", tab.question));
    part.appendChild(make("ul")).append(...tab.items.map(card));
  });
  narrow();
}

function narrow() {
  const word = find.value.trim().toLowerCase();
  let left = 0;
  list.querySelectorAll("section").forEach((part) => {
    const items = [...part.querySelectorAll("li")];
    items.forEach((item) => (item.hidden = !`${item.textContent} ${part.firstChild.textContent}`.toLowerCase().includes(word)));
    const shown = items.filter((item) => !item.hidden).length;
    part.hidden = shown === 0;
    left += shown;
  });
  if (props.value?.tabs) said.textContent = left ? "" : "No example has these words.";
}

watch("value", draw);
find.addEventListener("input", narrow);
close.addEventListener("click", () => box.close());
box.addEventListener("click", (event) => {
  if (event.target === box) box.close(); // the backdrop
});
open.addEventListener("click", () => {
  box.showModal();
  if (props.value?.tabs) return;
  said.textContent = "Fetching the examples …";
  trigger("ask");
});
