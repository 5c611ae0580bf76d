// The figure before the page: the embed page of the link in a frame, until the page's own figure stands in its place.

const DRAWN = ".seqscope-figure .ss-frame, .seqscope-figure .ss-empty:not([hidden])";
const LATEST = 10000; // milliseconds

/** Whether a part of the address asks for a figure. @param {URLSearchParams} given @returns {boolean} */
const carries = (given) => ["s", "id", "compare", "analysis"].some((name) => given.has(name));

export function mount() {
  const early = document.getElementById("seqscope-early");
  if (!early) return;
  const [asked, kept] = [location.search, location.hash].map((part) => new URLSearchParams(part.slice(1)));
  const linked = carries(asked);
  const { first } = early.dataset;
  // What stands in the fragment is not sent to the server, and two figures beside each other have no embed page.
  if (carries(kept) || asked.has("compare") || (!linked && !first)) return early.remove();
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const wanted = asked.get("__theme") ?? "";
  const theme = ["light", "dark"].includes(wanted) ? wanted : system;
  early.classList.toggle("dark", theme === "dark");
  asked.set("theme", theme);
  asked.set("early", ""); // nothing stored is no failure here
  show(early, linked ? `embed?${asked}` : `${first}&theme=${theme}`, () => arrived(linked));
}

/** @param {HTMLElement} early @param {string} address @param {() => boolean} done */
function show(early, address, done) {
  const frame = document.createElement("iframe");
  frame.title = "Figure";
  frame.src = address;
  const parting = new AbortController();
  const drop = () => {
    parting.abort();
    early.remove();
  };
  const heard = (/** @type {MessageEvent} */ event) => {
    const ours = event.source === frame.contentWindow && event.data?.type === "seqscope:height";
    if (ours) frame.style.height = `${event.data.height}px`;
  };
  addEventListener("message", heard, { signal: parting.signal });
  frame.addEventListener("load", () => {
    const shown = frame.contentDocument;
    if (!shown?.querySelector(".seqscope-figure .ss-frame")) return drop(); // nothing is stored under this link
    shown.querySelector("footer")?.remove();
    const paper = getComputedStyle(early).getPropertyValue("--paper");
    shown.documentElement.style.setProperty("--background-fill-primary", paper);
    shown.body.style.background = paper;
    shown.body.style.overflow = "hidden";
    early.dataset.shown = "";
  });
  early.querySelector(".figure")?.append(frame);
  early.hidden = false;
  const latest = performance.now() + LATEST;
  const look = () => requestAnimationFrame(done() || performance.now() > latest ? drop : look);
  look();
}

/** Whether the page shows a figure of its own. @param {boolean} linked @returns {boolean} */
function arrived(linked) {
  /** @type {HTMLElement | null} */
  const page = document.querySelector("gradio-app .gradio-container");
  if (!page || "opening" in page.dataset || (linked && !("opened" in page.dataset))) return false;
  return [...page.querySelectorAll(DRAWN)].some((figure) => figure.getClientRects().length > 0);
}
