// What the question on the form would take, told before it is run. Asked for once somebody has looked at the methods,
// and never while the link is private: the answer depends on the text, which stays here until Run.
const line = element.querySelector(".seq-costs");
const tab = element.closest(".seq-tab") ?? document.body;
const root = element.closest(".gradio-container") ?? document.body;
const QUIET = "While the link is private, nothing of the text is sent before Run, so the time is not known.";
let wanted = false;
let timer = 0;
let tries = 0;

function draw() {
  tab.seqCosts = props.value || {};
  if (root.hasAttribute("data-private")) {
    tab.seqCosts = { ...tab.seqCosts, seconds: {}, text: "", again: false, note: tab.seqCosts.field ? QUIET : "" };
  }
  line.textContent = tab.seqCosts.text ?? "";
  line.hidden = line.textContent === "";
  tab.dispatchEvent(new CustomEvent("seqscope:costs"));
  // The lane was busy, or torch was just being imported.
  if (tab.seqCosts.again && tries++ < 8) ask(2500);
}

function ask(delay) {
  clearTimeout(timer);
  if (delay < 1000) tries = 0;
  timer = setTimeout(() => (root.hasAttribute("data-private") ? draw() : trigger("ask")), delay);
}

watch("value", draw);
tab.addEventListener("seqscope:wanted", () => {
  if (!wanted) ask(0);
  wanted = true;
});
tab.addEventListener("seqscope:form", () => wanted && ask(600));
tab.addEventListener("seqscope:shown", () => wanted && ask(0));
draw();
