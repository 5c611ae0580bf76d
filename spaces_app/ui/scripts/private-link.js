// A private link that has been opened but not sent: what it asks, read here in the browser, and a button that sends it.

import { make } from "./shared/elements.js";
import { hear, tell } from "./shared/events.js";
import { pageOf, part } from "./shared/places.js";
/** @import { Page } from "./types.js" */

const MAX_READ = 200000;
const LINE =
  "A private link. Nothing of it has been sent. Run sends it to this server, which keeps question and result.";
/** The fields of a question that are shown. @type {Record<string, string>} */
const NAMES = {
  kind: "Question", model: "Model", method: "Method", source: "Source", context: "Context", prompt: "Prompt",
  continuation: "Forced output",
};

/** @param {Page<null>} page */
export function mount({ element }) {
  const box = part(element, ".seq-private-link");
  const root = pageOf(element);
  const leaving = new AbortController();
  const asked = make("dl");
  const run = make("button", { type: "button" }, "Run");
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Private link");
  box.replaceChildren(make("p", { role: "status" }, LINE), asked, run);

  const look = async () => {
    const token = closedLink();
    box.hidden = token === null;
    asked.replaceChildren();
    if (token === null) return;
    try {
      const spec = await read(token);
      asked.replaceChildren(...Object.entries(NAMES).flatMap(([name, label]) => fact(label, spec[name])));
    } catch {
      asked.replaceChildren(...fact("Link", "It is damaged; Run will say in what way."));
    }
  };
  run.addEventListener("click", () => {
    box.hidden = true;
    tell(root, "seqscope:open", null);
  });
  // Another figure has taken the address: the link that waited here is gone.
  hear(root, "seqscope:link", ({ write }) => {
    if (write) box.hidden = true;
  }, { signal: leaving.signal });
  const changed = () => (element.isConnected ? look() : leaving.abort());
  window.addEventListener("hashchange", changed, { signal: leaving.signal });
  look();
}

/** The token of a private link in the address, or null. @returns {string | null} */
function closedLink() {
  const link = new URLSearchParams(location.hash.slice(1));
  return link.get("private") === "1" ? link.get("s") : null;
}

/**
 * The question inside a token: JSON, deflated, in URL-safe base64. Throws when it is damaged, or grows beyond what a
 * question may hold.
 * @param {string} token @returns {Promise<Record<string, unknown>>}
 */
async function read(token) {
  const bytes = Uint8Array.from(atob(token.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    text += decoder.decode(chunk.value, { stream: true });
    if (text.length > MAX_READ) throw new Error("too long");
  }
  return JSON.parse(text);
}

/** @param {string} name @param {unknown} value @returns {HTMLElement[]} */
function fact(name, value) {
  if (typeof value !== "string" || value === "") return [];
  return [make("dt", {}, name), make("dd", { dir: "auto" }, value.slice(0, 2000))];
}
