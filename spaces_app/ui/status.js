// One line above the figure: what is happening, or what went wrong. Always text, never markup.
const box = element.querySelector(".seq-status");
const tab = element.closest(".seq-tab") ?? document.body;
const line = document.createElement("p");
const bar = document.createElement("progress");
line.dir = "auto";
bar.setAttribute("aria-label", "Progress");
line.setAttribute("role", "status");
// On a phone the form's own Stop button is out of sight while the figure is in it.
const stop = document.createElement("button");
Object.assign(stop, { type: "button", textContent: "Stop" });
stop.addEventListener("click", () => tab.querySelector("button.seq-stop")?.click());
box.replaceChildren(line, stop, bar);
let before = "idle";

function draw() {
  const { tone = "idle", text = "", done = 0, total = 0, field = "" } = props.value || {};
  line.textContent = text;
  line.setAttribute("role", tone === "error" ? "alert" : "status");
  box.dataset.tone = tone;
  box.hidden = text === "";
  bar.hidden = stop.hidden = tone !== "busy";
  if (total > 0) Object.assign(bar, { max: total, value: done });
  else bar.removeAttribute("value");
  tab.toggleAttribute("data-busy", tone === "busy");
  tab.querySelectorAll(".seq-field").forEach((control) => {
    control.toggleAttribute("data-wrong", tone === "error" && control.id.endsWith(`-${field}`));
  });
  if (tone !== "idle" && tone !== before) reveal();
  before = tone;
}

// On a phone the form is below the figure: bring the answer, or the reason why there is none, into sight.
function reveal() {
  const place = box.getBoundingClientRect();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (place.top < 0 || place.bottom > innerHeight) {
    box.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
  }
}

watch("value", draw);
draw();
