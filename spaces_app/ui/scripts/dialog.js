// The share dialog: what can be copied, and files to take. Asked for when somebody opens it.

import { copyFrom } from "./shared/copying.js";
import { makeDialog } from "./shared/dialogs.js";
import { make } from "./shared/elements.js";
import { hear } from "./shared/events.js";
import { part, tabOf } from "./shared/places.js";
/** @import { Page } from "./types.js" */

const PRIVATE =
  "Private: the text stands behind #, which browsers do not send; opening it sends nothing before Run. This server " +
  "keeps what was run: question, tokens, scores and versions. The other links and the files are answered from there, " +
  "and an embed link, Python and the command line can hold the text.";

/** @typedef {{ label: string, text: string, note?: string }} Copy */
/** @typedef {{ copies?: Copy[], files?: { label: string, path: string }[], root?: string, error?: string }} Shared */

/** @param {Page<Shared>} page */
export function mount({ element, props, trigger, watch }) {
  const tab = tabOf(element);
  let wanted = false;
  const { box } = makeDialog("seq-share-dialog", "Share this figure");
  const error = box.appendChild(make("p", { className: "seq-share-error" }));
  const list = box.appendChild(make("div", { className: "seq-share-list" }));
  const files = box.appendChild(make("div", { className: "seq-share-files" }));
  part(element, ".seq-dialog").replaceChildren(box);

  watch("value", () => {
    const value = props.value;
    if (!wanted || !value || (!value.copies && !value.error)) return;
    wanted = false;
    error.textContent = value.error ?? "";
    list.replaceChildren(...(value.copies ?? []).map((item) => ours(item, tab)).map(row));
    files.replaceChildren();
    if (value.files?.length) files.append(make("span", { className: "seq-share-label" }, "Download"));
    (value.files ?? []).forEach((item) => {
      files.append(make("a", { href: (value.root ?? "") + item.path, download: "" }, item.label));
    });
    if (!box.open) box.showModal();
  });
  hear(tab, "seqscope:share", ({ digest, view }) => {
    wanted = true;
    trigger("ask", { digest: String(digest), view: String(view), page: location.origin + location.pathname });
  });
}

/** @param {Copy} item @param {number} i @returns {HTMLElement} */
function row(item, i) {
  const line = make("div", { className: "seq-share-row" });
  const id = `seq-copy-${i}-${Math.random().toString(36).slice(2)}`;
  const lines = item.text.split("\n").length;
  const looks = { id, readOnly: true, spellcheck: false, value: item.text };
  const field = lines > 1 ? make("textarea", { ...looks, rows: Math.min(6, lines) }) : make("input", looks);
  field.addEventListener("focus", () => field.select());
  const name = `Copy: ${item.label}`;
  const button = make("button", { className: "seq-share-copy", type: "button", "aria-label": name }, "Copy");
  button.disabled = item.text === "";
  button.addEventListener("click", () => copyFrom(field, button, "Copy"));
  line.append(make("label", { htmlFor: id }, item.label), field, button);
  if (item.note) line.append(make("p", { className: "seq-share-note" }, item.note));
  return line;
}

/** The long link of a private page is private too. @param {Copy} item @param {HTMLElement} tab @returns {Copy} */
function ours(item, tab) {
  const page = tab.closest(".gradio-container");
  const long = item.label === "Link" && /\?s=/.test(item.text);
  if (!long || !page?.hasAttribute("data-private")) return item;
  return { ...item, text: `${item.text.replace("?s=", "#s=")}&private=1`, note: PRIVATE };
}
