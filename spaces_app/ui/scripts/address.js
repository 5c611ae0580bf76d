// Opens the link in the address when the page loads, and keeps the address in step with the figure afterwards.
// Runs in four places: the plain page, a Hub iframe, any iframe, and <gradio-app> on somebody's own page.

import { hear } from "./shared/events.js";
import { pageOf } from "./shared/places.js";
/** @import { Page } from "./types.js" */

const OWN = ["s", "id", "view", "compare", "with"];
const MAX_LINK = 20000;

/** @param {Page<{ hub?: boolean }>} page */
export function mount(page) {
  const address = new Address(page);
  address.listen();
  address.open(false);
}

class Address {
  /** @param {Page<{ hub?: boolean }>} page */
  constructor(page) {
    this.page = page;
    /** @type {HTMLElement | null} */
    this.app = page.element.closest("gradio-app");
    this.embedded = this.app !== null && (this.app.hasAttribute("src") || this.app.hasAttribute("space"));
    this.root = pageOf(page.element);
    this.parting = new AbortController();
    this.inFragment = false;
    this.isPrivate = false; // in the fragment, and not sent to the server before the visitor asks for it
    this.timer = 0;
  }

  listen() {
    const { root } = this;
    const heard = { signal: this.parting.signal };
    hear(root, "seqscope:open", () => this.open(true), heard);
    // The switch of a link row.
    hear(root, "seqscope:private", ({ on }) => (this.isPrivate = this.inFragment = on), heard);
    hear(root, "seqscope:link", (detail) => this.shown(detail), heard);
    // A #s= link pasted over the open page loads nothing anew; the browser only reports the change.
    const changed = () => (this.page.element.isConnected ? this.open(false) : this.parting.abort());
    window.addEventListener("hashchange", changed, heard);
    this.page.watch("value", () => {
      delete root.dataset.opening;
      root.dataset.opened = ""; // early.html waits for it
    });
  }

  /**
   * The part of an address that carries a link, or "". A host page's own ?id= or ?analysis= is none of ours.
   * @param {string} part @returns {string}
   */
  carried(part) {
    const given = new URLSearchParams(part.replace(/^[?#]/, ""));
    const pair = given.has("compare") && given.has("with");
    const ours = given.has("s") || pair || /^[0-9a-f]{64}$/.test(given.get("id") ?? "");
    const written = ["id", "analysis", "compare"].some((name) => given.has(name));
    return ours || (!this.embedded && written) ? part : "";
  }

  /** The link that <gradio-app data-analysis="…"> names. @returns {string} */
  attribute() {
    const given = (this.embedded && this.app?.dataset.analysis) || "";
    return given === "" || given.includes("=") ? given : `s=${given}`;
  }

  /** asked: whether somebody wants a private link opened. @param {boolean} asked */
  open(asked) {
    const { root } = this;
    const fragment = this.carried(location.hash);
    const given = new URLSearchParams(fragment.slice(1));
    this.inFragment = fragment !== "";
    this.isPrivate = given.get("private") === "1" && given.has("s");
    if (this.isPrivate && !asked) return; // private-link.js shows it, and asks
    const link = fragment || this.carried(location.search) || this.attribute();
    if (link === "") return;
    root.dataset.opening = "";
    // If the server never answers, show what there is instead of waiting for ever.
    setTimeout(() => delete root.dataset.opening, 8000);
    this.page.trigger("link", { link: link.slice(0, MAX_LINK) });
  }

  /** A link is shown on the page. @param {{ link: string, write: boolean }} detail */
  shown({ link, write }) {
    const { root, app } = this;
    root.toggleAttribute("data-private", this.isPrivate);
    root.dataset.linkPlace = this.inFragment ? "fragment" : "query";
    if (!write || app?.dataset.sync === "off") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(link), 120); // browsers refuse more than about 100 rewrites in 30 s
  }

  /**
   * link is "s=…&view=…", or "compare=…&with=…". A link that came in the fragment stays there: servers and logs never
   * see it.
   * @param {string} link
   */
  write(link) {
    const url = new URL(location.href);
    for (const name of [...url.searchParams.keys()]) {
      const ours = this.embedded ? OWN.includes(name) : !name.startsWith("__") || name === "__sign";
      if (ours) url.searchParams.delete(name);
    }
    const rest = url.searchParams.toString();
    if (this.inFragment) {
      url.search = rest;
      url.hash = link + (this.isPrivate && link.startsWith("s=") ? "&private=1" : "");
    } else {
      url.search = `?${link}${rest ? `&${rest}` : ""}`;
      if (this.carried(url.hash)) url.hash = "";
    }
    history.replaceState(history.state, "", url);
    this.tellHub(url);
  }

  /** On huggingface.co the page is in an iframe; the address people see is the parent's. @param {URL} url */
  tellHub(url) {
    if (!(this.page.props.value || {}).hub || window.parent === window) return;
    const parent = location.ancestorOrigins?.[0] ?? "https://huggingface.co";
    if (parent !== "https://huggingface.co") return;
    window.parent.postMessage({ queryString: url.search.slice(1), hash: url.hash }, parent);
  }
}
