// The link row under a figure: shows the link, copies it, follows the reader's selection, and knows whether the
// figure still answers what the form asks.

import { copyFrom } from "./shared/copying.js";
import { make } from "./shared/elements.js";
import { hear, tell } from "./shared/events.js";
import { pageOf, part, tabOf } from "./shared/places.js";
/** @import { Page } from "./types.js" */

const PRIVATE =
  "Browsers send nothing of what stands behind #. Whoever opens this link sends the text only by pressing Run. " +
  "This server keeps what was run: question, tokens, scores and versions. Short links, embeds and files come from there.";
const CROWDED =
  "With its notes this text is too long for a link that carries them; this short link works as long as this server keeps the result.";
const MAX_LINK = 3800;

/**
 * token: the question as a link carries it; digest: that of the result; form: what the form says where the figure
 * answers it, null where the question has no field; fields: their names; filled: the form was set with the figure.
 * @typedef {{ token?: string, digest?: string, base?: string, view?: string, note?: string, write?: boolean,
 *   rerun?: boolean, filled?: boolean, fields?: string[], form?: unknown[] | null }} Link
 */

/** @param {Page<Link>} page */
export function mount(page) {
  const row = new LinkRow(page);
  row.listen();
  row.update();
}

class LinkRow {
  /** @param {Page<Link>} page */
  constructor(page) {
    const { element } = page;
    this.page = page;
    this.row = part(element, ".seq-share");
    this.tab = tabOf(element);
    this.root = pageOf(element);
    /** What the form says now, as last reported. @type {Map<string, unknown>} */
    this.kept = new Map();
    this.view = "";
    this.crowded = false; // whether the text fits a link, but not with the notes
    const id = `${this.row.id || "seq"}-link-${Math.random().toString(36).slice(2)}`;
    this.field = make("input", { type: "text", readOnly: true, id, spellcheck: false });
    this.button = make("button", { type: "button", className: "seq-button" }, "Copy link");
    this.more = make("button", { type: "button", className: "seq-button", "aria-haspopup": "dialog" }, "Share");
    this.note = make("p", { className: "seq-note", role: "status" });
    const closed = make("label", { className: "seq-private" });
    this.lock = closed.appendChild(make("input", { type: "checkbox" }));
    closed.append("Private link: browsers do not send what it asks");
    const caption = make("label", { htmlFor: id }, "Link");
    this.row.replaceChildren(caption, this.field, this.button, this.more, closed, this.note);
  }

  listen() {
    const { page, tab, root, field, lock } = this;
    page.watch("value", () => this.update());
    this.button.addEventListener("click", () => copyFrom(field, this.button, "Copy link"));
    this.more.addEventListener("click", () => {
      const { digest } = this.value();
      if (digest) tell(tab, "seqscope:share", { digest, view: this.view });
    });
    field.addEventListener("focus", () => field.select());
    lock.addEventListener("change", () => {
      tell(root, "seqscope:private", { on: lock.checked });
      this.show(true);
      root.querySelectorAll(".seq-tab").forEach((other) => other !== tab && tell(other, "seqscope:relink", null));
    });
    hear(tab, "seqscope:relink", () => this.show(false));
    hear(tab, "seqscope:view", (detail) => {
      this.view = String(detail?.state ?? "");
      this.show(detail?.quiet !== true); // a figure that follows another tab's leaves the address to that tab
    });
    hear(tab, "seqscope:form", (detail) => {
      Object.entries(detail ?? {}).forEach(([name, value]) => this.kept.set(name, value));
      this.mark();
    });
  }

  /** @returns {Link} */
  value() {
    return this.page.props.value || {};
  }

  /** The link's query, "" where there is nothing to link to. @returns {string} */
  query() {
    const { token, digest } = this.value();
    if (!token && !digest) return "";
    const look = this.view ? `&view=${this.view}` : "";
    this.crowded = Boolean(token && digest) && String(token).length + look.length + 3 > MAX_LINK;
    return (token && !this.crowded ? `s=${token}` : `id=${digest}`) + look;
  }

  /** write: whether the link goes into the address. @param {boolean} write */
  show(write) {
    const { root, lock } = this;
    const { base, note } = this.value();
    const link = this.query();
    tell(root, "seqscope:link", { link, write: write && link !== "" });
    lock.checked = root.hasAttribute("data-private");
    const place = base || location.origin + location.pathname;
    const mark = lock.checked && link.startsWith("s=") ? "&private=1" : "";
    this.field.value = link ? place + (root.dataset.linkPlace === "fragment" ? "#" : "?") + link + mark : "";
    this.row.hidden = link === "";
    const notes = [note, this.crowded ? CROWDED : "", lock.checked ? PRIVATE : ""];
    this.note.textContent = notes.filter(Boolean).join(" ");
  }

  /** Compares what the form says with what the figure shows. */
  mark() {
    const { form: shown, fields = [] } = this.value();
    // What the figure's question has no field for (null) may say anything.
    const stale = Boolean(shown) && fields.some((name, i) => {
      const told = shown?.[i] ?? null;
      return this.kept.has(name) && told !== null && String(this.kept.get(name)) !== String(told);
    });
    this.tab.querySelectorAll('.seq-figure [class^="seqscope-"]').forEach((figure) => {
      if (stale) figure.setAttribute("data-stale", "1");
      else figure.removeAttribute("data-stale");
    });
    this.tab.toggleAttribute("data-stale", stale);
  }

  update() {
    const { filled, digest, view = "", write, rerun } = this.value();
    if (filled) this.kept.clear(); // the form was set with the figure
    tell(this.tab, "seqscope:shown", { digest });
    this.view = view;
    this.show(write === true);
    this.mark();
    if (rerun) this.page.trigger("rerun");
  }
}
