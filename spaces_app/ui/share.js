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
const closed = make("label", { className: "seq-private" });
const lock = closed.appendChild(make("input", { type: "checkbox" }));
closed.append("Private link: browsers do not send what it asks");
row.replaceChildren(caption, field, button, more, closed, note);

const root = element.closest(".gradio-container") ?? document.body;
const PRIVATE =
  "Browsers send nothing of what stands behind #. Whoever opens this link sends the text only by pressing Run. " +
  "This server keeps what was run: question, tokens, scores and versions. Short links, embeds and files come from there.";
const CROWDED =
  "With its notes this text is too long for a link that carries them; this short link works as long as this server keeps the result.";
const MAX_LINK = 3800;
let view = "";
let crowded = false; // whether the text fits a link, but not with the notes

function query() {
  const value = props.value;
  if (!value || (!value.token && !value.digest)) return "";
  const look = view ? `&view=${view}` : "";
  crowded = Boolean(value.token && value.digest) && value.token.length + look.length + 3 > MAX_LINK;
  return (value.token && !crowded ? `s=${value.token}` : `id=${value.digest}`) + look;
}

function show(write) {
  const link = query();
  const base = props.value?.base || location.origin + location.pathname;
  root.dispatchEvent(new CustomEvent("seqscope:link", { detail: { link, write: write && link !== "" } }));
  lock.checked = root.hasAttribute("data-private");
  const mark = lock.checked && link.startsWith("s=") ? "&private=1" : "";
  field.value = link ? base + (root.dataset.linkPlace === "fragment" ? "#" : "?") + link + mark : "";
  row.hidden = link === "";
  note.textContent = [props.value?.note, crowded ? CROWDED : "", lock.checked ? PRIVATE : ""].filter(Boolean).join(" ");
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

function update() {
  if (props.value?.filled) Object.keys(kept).forEach((name) => delete kept[name]); // the form was set with the figure
  tab.dispatchEvent(new CustomEvent("seqscope:shown", { detail: { digest: props.value?.digest } }));
  view = props.value?.view ?? "";
  show(props.value?.write === true);
  mark();
  if (props.value?.rerun) trigger("rerun");
}

watch("value", update);
button.addEventListener("click", copy);
more.addEventListener("click", () => {
  const digest = props.value?.digest;
  if (digest) tab.dispatchEvent(new CustomEvent("seqscope:share", { detail: { digest, view } }));
});
field.addEventListener("focus", () => field.select());
lock.addEventListener("change", () => {
  root.dispatchEvent(new CustomEvent("seqscope:private", { detail: { on: lock.checked } }));
  show(true);
  root.querySelectorAll(".seq-tab").forEach((other) => other !== tab && other.dispatchEvent(new Event("seqscope:relink")));
});
tab.addEventListener("seqscope:relink", () => show(false));
tab.addEventListener("seqscope:view", (event) => {
  view = String(event.detail?.state ?? "");
  show(event.detail?.quiet !== true); // a figure that follows another tab's leaves the address to that tab
});
tab.addEventListener("seqscope:form", (event) => {
  Object.assign(kept, event.detail);
  mark();
});
update();
