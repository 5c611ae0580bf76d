// What the chosen method does, in one sentence, and its paper.
const box = element.querySelector(".seq-about");

function draw() {
  const { text = "", source = "" } = props.value || {};
  const line = document.createElement("p");
  line.textContent = `${text} `;
  if (/^https:\/\//.test(source)) {
    const paper = document.createElement("a");
    Object.assign(paper, { href: source, textContent: "Paper", target: "_blank", rel: "noopener noreferrer" });
    line.append(paper);
  }
  box.replaceChildren(line);
  box.hidden = text === "";
}

watch("value", draw);
draw();
