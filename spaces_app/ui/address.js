// Opens the link in the address when the page loads, and keeps the address in step with the figure afterwards.
// Runs in four places: the plain page, a Hub iframe, any iframe, and <gradio-app> on somebody's own page.
const app = element.closest("gradio-app");
const embedded = app !== null && (app.hasAttribute("src") || app.hasAttribute("space"));
const root = element.closest(".gradio-container") ?? document.body;
const parting = new AbortController();
const OWN = ["s", "id", "view", "compare", "with"];
const MAX_LINK = 20000;
let inFragment = false;
let isPrivate = false; // in the fragment, and not sent to the server before the visitor asks for it
let timer = 0;

// The part of an address that carries a link, or "". A host page's own ?id= or ?analysis= is none of ours.
function carried(part) {
  const given = new URLSearchParams(part.replace(/^[?#]/, ""));
  const ours = given.has("s") || (given.has("compare") && given.has("with")) || /^[0-9a-f]{64}$/.test(given.get("id") ?? "");
  const written = ["id", "analysis", "compare"].some((name) => given.has(name));
  return ours || (!embedded && written) ? part : "";
}

function attribute() {
  const given = embedded ? (app.dataset.analysis ?? "") : "";
  return given === "" || given.includes("=") ? given : `s=${given}`;
}

function open(asked) {
  const fragment = carried(location.hash);
  const given = new URLSearchParams(fragment.slice(1));
  inFragment = fragment !== "";
  isPrivate = given.get("private") === "1" && given.has("s");
  if (isPrivate && !asked) return; // private-link.js shows it, and asks
  const link = fragment || carried(location.search) || attribute();
  if (link === "") return;
  root.dataset.opening = "";
  // If the server never answers, show what there is instead of waiting for ever.
  setTimeout(() => delete root.dataset.opening, 8000);
  trigger("link", { link: link.slice(0, MAX_LINK) });
}

// `link` is "s=…&view=…", or "compare=…&with=…". A link that came in the fragment stays there: servers and logs never see it.
function write(link) {
  const url = new URL(location.href);
  for (const name of [...url.searchParams.keys()]) {
    const ours = embedded ? OWN.includes(name) : !name.startsWith("__") || name === "__sign";
    if (ours) url.searchParams.delete(name);
  }
  const rest = url.searchParams.toString();
  if (inFragment) {
    url.search = rest;
    url.hash = link + (isPrivate && link.startsWith("s=") ? "&private=1" : "");
  } else {
    url.search = `?${link}${rest ? `&${rest}` : ""}`;
    if (carried(url.hash)) url.hash = "";
  }
  history.replaceState(history.state, "", url);
  tellHub(url);
}

// On huggingface.co the page is in an iframe; the address people see is the parent's.
function tellHub(url) {
  if (!props.value?.hub || window.parent === window) return;
  const parent = location.ancestorOrigins?.[0] ?? "https://huggingface.co";
  if (parent !== "https://huggingface.co") return;
  window.parent.postMessage({ queryString: url.search.slice(1), hash: url.hash }, parent);
}

root.addEventListener("seqscope:open", () => open(true), { signal: parting.signal });
root.addEventListener(
  "seqscope:private", // the switch of a link row
  (event) => {
    isPrivate = inFragment = event.detail.on;
  },
  { signal: parting.signal },
);
root.addEventListener(
  "seqscope:link",
  (event) => {
    root.toggleAttribute("data-private", isPrivate);
    root.dataset.linkPlace = inFragment ? "fragment" : "query";
    if (!event.detail.write || app?.dataset.sync === "off") return;
    clearTimeout(timer);
    timer = setTimeout(write, 120, event.detail.link); // browsers refuse more than about 100 rewrites in 30 s
  },
  { signal: parting.signal },
);
// A #s= link pasted over the open page loads nothing anew; the browser only reports the change.
window.addEventListener(
  "hashchange",
  () => (element.isConnected ? open(false) : parting.abort()),
  { signal: parting.signal },
);
watch("value", () => {
  delete root.dataset.opening;
  root.dataset.opened = ""; // early.html waits for it
});
open(false);
