// One quiet line under a figure: when and with what its numbers were computed, and a button that computes them anew.
const box = element.querySelector(".seq-record");
const tab = element.closest(".seq-tab") ?? document.body;
const line = document.createElement("p");
const again = document.createElement("button");
const verdict = document.createElement("p");
let view = "";
Object.assign(again, { type: "button", textContent: "Re-run live" });
verdict.className = "seq-record-verdict";
verdict.setAttribute("role", "status");
box.replaceChildren(line, again, verdict);

function draw() {
  const value = props.value ?? {};
  line.textContent = value.text ?? "";
  verdict.textContent = value.verdict ?? "";
  box.hidden = !value.digest;
}

watch("value", () => {
  view = "";
  draw();
});
again.addEventListener("click", () => trigger("again", { digest: String(props.value?.digest ?? ""), view }));
tab.addEventListener("seqscope:view", (event) => (view = String(event.detail?.state ?? "")));
draw();
