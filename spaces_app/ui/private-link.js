// A private link that has been opened but not sent: what it asks, read here in the browser, and a button that sends it.
const box = element.querySelector(".seq-private-link");
const root = element.closest(".gradio-container") ?? document.body;
const leaving = new AbortController();
const MAX_READ = 200000;
const line = document.createElement("p");
const asked = document.createElement("dl");
const run = document.createElement("button");
Object.assign(run, { type: "button", textContent: "Run" });
line.textContent = "A private link. Nothing of it has been sent. Run sends it to this server, which keeps question and result.";
line.setAttribute("role", "status");
box.setAttribute("role", "region");
box.setAttribute("aria-label", "Private link");
box.replaceChildren(line, asked, run);

// The question inside a token: JSON, deflated, in URL-safe base64. Stops when it grows beyond what a question may hold.
async function read(token) {
  const bytes = Uint8Array.from(atob(token.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length > MAX_READ) throw new Error("too long");
  }
  return JSON.parse(text);
}

function tell(name, value) {
  if (typeof value !== "string" || value === "") return;
  const [term, said] = [document.createElement("dt"), document.createElement("dd")];
  [term.textContent, said.textContent, said.dir] = [name, value.slice(0, 2000), "auto"];
  asked.append(term, said);
}

async function look() {
  const link = new URLSearchParams(location.hash.slice(1));
  const closed = link.get("private") === "1" && link.has("s");
  box.hidden = !closed;
  asked.replaceChildren();
  if (!closed) return;
  try {
    const spec = await read(link.get("s"));
    asked.replaceChildren();
    const names = { kind: "Question", model: "Model", method: "Method", source: "Source", context: "Context" };
    names.prompt = "Prompt";
    names.continuation = "Forced output";
    Object.entries(names).forEach(([name, label]) => tell(label, spec[name]));
  } catch {
    tell("Link", "It is damaged; Run will say in what way.");
  }
}

run.addEventListener("click", () => {
  box.hidden = true;
  root.dispatchEvent(new CustomEvent("seqscope:open"));
});
// Another figure has taken the address: the link that waited here is gone.
root.addEventListener(
  "seqscope:link",
  (event) => {
    if (event.detail.write) box.hidden = true;
  },
  { signal: leaving.signal },
);
window.addEventListener("hashchange", () => (element.isConnected ? look() : leaving.abort()), { signal: leaving.signal });
look();
