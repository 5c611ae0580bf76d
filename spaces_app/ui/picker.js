// A field that opens a grouped list, after the ARIA pattern of a select-only combobox. Focus stays on the field.
const box = element.querySelector(".seq-picker");
const tab = element.closest(".seq-tab") ?? document.body;
const facts = JSON.parse(atob("PACKED"));
const id = `seq-pick-${Math.random().toString(36).slice(2)}`;
const leaving = new AbortController();

function make(name, attributes = {}, text = undefined) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  if (text !== undefined) made.textContent = text;
  return made;
}

const caption = make("span", { id: `${id}-label`, class: "seq-picker-label" }, facts.label);
const help = make("span", { id: `${id}-help`, class: "seq-picker-help" }, facts.help);
const field = make("button", {
  type: "button", role: "combobox", class: "seq-picker-field", "aria-haspopup": "listbox", "aria-expanded": "false",
  "aria-controls": `${id}-list`, "aria-labelledby": `${id}-label ${id}-value`, "aria-describedby": `${id}-help`,
});
const shown = make("span", { id: `${id}-value`, class: "seq-picker-value" });
const takes = make("span", { class: "seq-picker-takes" });
field.append(shown, takes);
const list = make("div", { id: `${id}-list`, class: "seq-picker-list", role: "listbox", "aria-labelledby": `${id}-label` });
if (facts.several) list.setAttribute("aria-multiselectable", "true");
const note = make("p", { class: "seq-picker-note" });
const sheet = make("div", { class: "seq-picker-sheet" });
sheet.popover = "manual";
sheet.hidden = true;
sheet.append(list, note);
box.replaceChildren(caption, help, field, sheet);

const options = [];
let active = -1;
let typed = "";
let forget = 0;

function build() {
  const groups = new Map();
  facts.entries.forEach((entry) => {
    if (!groups.has(entry.group)) {
      const group = make("div", { role: "group", "aria-labelledby": `${id}-g${groups.size}` });
      group.append(make("div", { id: `${id}-g${groups.size}`, class: "seq-picker-group", role: "presentation" }, entry.group));
      groups.set(entry.group, group);
      list.append(group);
    }
    const option = make("div", { id: `${id}-o${options.length}`, role: "option", class: "seq-picker-option", "aria-selected": "false" });
    const name = make("span", { class: "seq-picker-name" }, entry.label);
    const cost = make("span", { class: "seq-picker-cost" });
    const about = make("span", { class: "seq-picker-about" }, entry.about);
    option.append(name, cost, about);
    option.addEventListener("pointermove", () => mark(options.findIndex((each) => each.option === option), ""));
    option.addEventListener("click", () => pick(options.find((each) => each.option === option)));
    groups.get(entry.group).append(option);
    options.push({ entry, option, cost, about });
  });
}

const chosen = () => String(props.value ?? "").split(",").filter(Boolean);

function draw() {
  const names = chosen();
  const labels = options.filter(({ entry }) => names.includes(entry.name)).map(({ entry }) => entry.label);
  shown.textContent = labels.join(", ") || (facts.several ? "None" : "");
  options.forEach(({ entry, option }) => option.setAttribute("aria-selected", String(names.includes(entry.name))));
  price();
}

const duration = (seconds) =>
  seconds < 1 ? "under 1 s" : seconds < 90 ? `about ${Math.round(seconds)} s` : `about ${Math.round(seconds / 60)} min`;

// What each choice takes, and why some are not possible, as far as the page knows.
function price() {
  const { seconds = {}, reasons = {}, limit = 0, note: text = "", field: priced = "" } = tab.seqCosts ?? {};
  const own = facts.column === priced;
  const impossible = reasons[facts.column] ?? {};
  let sum = 0;
  options.forEach(({ entry, option, cost, about }) => {
    const time = own ? seconds[entry.name] : undefined;
    const late = typeof time === "number" && limit > 0 && time > limit;
    const reason = impossible[entry.name] ?? "";
    if (chosen().includes(entry.name)) sum += typeof time === "number" ? time : NaN;
    cost.textContent = reason || typeof time !== "number" ? "" : duration(time);
    about.textContent = reason || (late ? `${entry.about} Too slow here: the limit is ${limit} s.` : entry.about);
    option.toggleAttribute("data-impossible", reason !== "");
    // What is chosen already can be given up, possible or not.
    if (reason && !chosen().includes(entry.name)) option.setAttribute("aria-disabled", "true");
    else option.removeAttribute("aria-disabled");
  });
  takes.textContent = own && sum === sum && Object.keys(seconds).length ? duration(sum) : "";
  note.textContent = own ? text : "";
  note.hidden = note.textContent === "";
}

function pick({ entry, option }) {
  if (option.hasAttribute("aria-disabled")) return;
  const names = chosen();
  const without = names.filter((name) => name !== entry.name);
  const order = (all) => options.map((each) => each.entry.name).filter((name) => all.includes(name));
  const value = !facts.several ? entry.name : order(without.length < names.length ? without : [...names, entry.name]).join(",");
  if (!facts.several) close();
  if (value === props.value) return;
  props.value = value;
  draw();
  trigger("input");
}

function mark(index, reveal = "nearest") {
  options[active]?.option.removeAttribute("data-active");
  active = index;
  const at = options[active]?.option;
  if (!at) return field.removeAttribute("aria-activedescendant");
  at.setAttribute("data-active", "");
  field.setAttribute("aria-activedescendant", at.id);
  if (reveal) at.scrollIntoView({ block: reveal });
}

const isOpen = () => field.getAttribute("aria-expanded") === "true";

// Under the field, or above it where there is more room.
function place() {
  const at = field.getBoundingClientRect();
  const width = Math.min(Math.max(at.width, 380), innerWidth - 24);
  const [below, above] = [innerHeight - at.bottom - 16, at.top - 16];
  const up = below < 260 && above > below;
  Object.assign(sheet.style, {
    width: `${width}px`,
    left: `${Math.max(12, Math.min(at.left, innerWidth - width - 12))}px`,
    top: up ? "auto" : `${at.bottom + 4}px`,
    bottom: up ? `${innerHeight - at.top + 4}px` : "auto",
  });
  list.style.maxHeight = `${Math.min(560, up ? above : below) - (note.hidden ? 16 : 56)}px`;
}

function open() {
  if (isOpen()) return;
  sheet.hidden = false;
  sheet.showPopover?.();
  place();
  field.setAttribute("aria-expanded", "true");
  tab.dispatchEvent(new CustomEvent("seqscope:wanted"));
  mark(Math.max(0, options.findIndex(({ entry }) => chosen().includes(entry.name))), "center");
}

function close() {
  if (!isOpen()) return;
  sheet.hidePopover?.();
  sheet.hidden = true;
  field.setAttribute("aria-expanded", "false");
  mark(-1);
}

function seek(letter) {
  clearTimeout(forget);
  typed += letter.toLowerCase();
  forget = setTimeout(() => (typed = ""), 700);
  const found = options.findIndex(({ entry }) => entry.label.toLowerCase().startsWith(typed));
  if (found >= 0) mark(found);
}

field.addEventListener("click", () => (isOpen() ? close() : open()));
field.addEventListener("blur", () => close());
sheet.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
field.addEventListener("keydown", (event) => {
  const { key } = event;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!isOpen()) {
    if (step || key === "Enter" || key === " ") {
      event.preventDefault();
      open();
    }
    return;
  }
  if (key === "Escape") close();
  else if (step) mark((active + step + options.length) % options.length);
  else if (key === "Home") mark(0);
  else if (key === "End") mark(options.length - 1);
  else if (key === "Enter" || key === " ") pick(options[active]);
  else if (key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) return seek(key);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
const here = (act) => (element.isConnected ? act() : leaving.abort());
window.addEventListener("scroll", () => here(() => isOpen() && place()), { signal: leaving.signal, capture: true, passive: true });
window.addEventListener("resize", () => here(() => isOpen() && place()), { signal: leaving.signal });
tab.addEventListener("seqscope:costs", () => here(price), { signal: leaving.signal });
watch("value", draw);
build();
draw();
