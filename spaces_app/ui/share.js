// The link row under a figure: shows the link, copies it, follows the reader's selection, and knows whether the
// figure still answers what the form asks.
const row = element.querySelector(".seq-share");
const tab = element.closest(".seq-tab") ?? document.body;
const kept = {}; // what the form says now, as last reported

const make = (name, attributes, text) => {
  const made = Object.assign(document.createElement(name), attributes);
  if (text) made.textContent = text;
  return made;
};
const caption = make("label", { htmlFor: `${row.id || "seq"}-link-${Math.random().toString(36).slice(2)}` }, "Link");
const field = make("input", { type: "text", readOnly: true, id: caption.htmlFor, spellcheck: false });
const button = make("button", { type: "button", className: "seq-button" }, "Copy link");
const more = make("button", { type: "button", className: "seq-button" }, "Share");
more.setAttribute("aria-haspopup", "dialog");
const note = make("p", { className: "seq-note" });
note.setAttribute("role", "status");
row.replaceChildren(caption, field, button, more, note);

let view = "";

function query() {
  const value = props.value;
  if (!value || (!value.token && !value.digest)) return "";
  const link = value.token ? `s=${value.token}` : `id=${value.digest}`;
  return view ? `${link}&view=${view}` : link;
}

function show(write) {
  const root = element.closest(".gradio-container") ?? document.body;
  const link = query();
  const base = props.value?.base || location.origin + location.pathname;
  root.dispatchEvent(new CustomEvent("seqscope:link", { detail: { link, write: write && link !== "" } }));
  field.value = link ? base + (root.dataset.linkPlace === "fragment" ? "#" : "?") + link : "";
  row.hidden = link === "";
  note.textContent = props.value?.note ?? "";
}

async function copy() {
  let done = true;
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // In an iframe without permission only the old way works.
    field.select();
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Press Ctrl+C";
  if (!done) field.select();
  setTimeout(() => (button.textContent = "Copy link"), 1600);
}

// Compares what the form says with what the figure shows.
function mark() {
  const shown = props.value?.form;
  // What the figure's question has no field for (null) may say anything.
  const differs = (name, i) => name in kept && (shown?.[i] ?? null) !== null && String(kept[name]) !== String(shown[i]);
  const stale = Boolean(shown) && props.value.fields.some(differs);
  tab.querySelectorAll('.seq-figure [class^="seqscope-"]').forEach((figure) => {
    if (stale) figure.dataset.stale = "1";
    else delete figure.dataset.stale;
  });
  tab.toggleAttribute("data-stale", stale);
}

function update(written) {
  if (props.value?.filled) Object.keys(kept).forEach((name) => delete kept[name]); // the form was set with the figure
  tab.dispatchEvent(new CustomEvent("seqscope:shown", { detail: { digest: props.value?.digest } }));
  view = props.value?.view ?? "";
  show(written && props.value?.write === true);
  mark();
  if (props.value?.rerun) trigger("rerun");
}

watch("value", () => update(true));
button.addEventListener("click", copy);
more.addEventListener("click", () => {
  const digest = props.value?.digest;
  if (digest) tab.dispatchEvent(new CustomEvent("seqscope:share", { detail: { digest, view } }));
});
field.addEventListener("focus", () => field.select());
tab.addEventListener("seqscope:view", (event) => {
  view = String(event.detail?.state ?? "");
  show(true);
});
tab.addEventListener("seqscope:form", (event) => {
  Object.assign(kept, event.detail);
  mark();
});
update(false);
