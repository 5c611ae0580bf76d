// The share dialog: what can be copied, and files to take. Asked for when somebody opens it.
const host = element.querySelector(".seq-dialog");
const tab = element.closest(".seq-tab") ?? document.body;
const PRIVATE =
  "Private: the text stands behind #, which browsers do not send; opening it sends nothing before Run. This server " +
  "keeps what was run: question, tokens, scores and versions. The other links and the files are answered from there, " +
  "and an embed link, Python and the command line can hold the text.";
let wanted = false;

const make = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const box = make("dialog", "seq-share-dialog");
box.setAttribute("aria-label", "Share this figure");
const head = box.appendChild(make("div", "seq-share-head"));
head.appendChild(make("h3", "", "Share this figure"));
const close = head.appendChild(make("button", "seq-share-close", "Close"));
close.type = "button";
const error = box.appendChild(make("p", "seq-share-error"));
const list = box.appendChild(make("div", "seq-share-list"));
const files = box.appendChild(make("div", "seq-share-files"));
host.replaceChildren(box);

async function copy(button, field) {
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
  setTimeout(() => (button.textContent = "Copy"), 1600);
}

function row(item, i) {
  const line = list.appendChild(make("div", "seq-share-row"));
  const label = line.appendChild(make("label", "", item.label));
  const many = item.text.includes("\n");
  const field = line.appendChild(make(many ? "textarea" : "input", ""));
  label.htmlFor = field.id = `seq-copy-${i}-${Math.random().toString(36).slice(2)}`;
  Object.assign(field, { readOnly: true, spellcheck: false, value: item.text });
  if (many) field.rows = Math.min(6, item.text.split("\n").length);
  field.addEventListener("focus", () => field.select());
  const button = line.appendChild(make("button", "seq-share-copy", "Copy"));
  button.type = "button";
  button.setAttribute("aria-label", `Copy: ${item.label}`);
  button.disabled = item.text === "";
  button.addEventListener("click", () => copy(button, field));
  if (item.note) line.appendChild(make("p", "seq-share-note", item.note));
}

// The long link of a private page is private too.
function ours(item) {
  const page = tab.closest(".gradio-container");
  const long = item.label === "Link" && /\?s=/.test(item.text);
  if (!long || !page?.hasAttribute("data-private")) return item;
  return { ...item, text: `${item.text.replace("?s=", "#s=")}&private=1`, note: PRIVATE };
}

function draw() {
  const value = props.value;
  if (!wanted || !value || (!value.copies && !value.error)) return;
  wanted = false;
  error.textContent = value.error ?? "";
  list.textContent = "";
  files.textContent = "";
  (value.copies ?? []).map(ours).forEach(row);
  if (value.files?.length) files.appendChild(make("span", "seq-share-label", "Download"));
  (value.files ?? []).forEach((item) => {
    const link = files.appendChild(make("a", "", item.label));
    link.href = value.root + item.path;
    link.setAttribute("download", "");
  });
  if (!box.open) box.showModal();
}

watch("value", draw);
close.addEventListener("click", () => box.close());
box.addEventListener("click", (event) => {
  if (event.target === box) box.close(); // the backdrop
});
tab.addEventListener("seqscope:share", (event) => {
  wanted = true;
  const page = location.origin + location.pathname;
  trigger("ask", { digest: String(event.detail.digest), view: String(event.detail.view), page });
});
