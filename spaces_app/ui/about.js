// What the chosen method does, in one sentence, and its paper; the options that do not count, and why.
const box = element.querySelector(".seq-about");

function draw() {
  const { text = "", source = "", idle = [] } = props.value || {};
  const line = document.createElement("p");
  line.textContent = `${text} `;
  if (/^https:\/\//.test(source)) {
    const paper = document.createElement("a");
    Object.assign(paper, { href: source, textContent: "Paper", target: "_blank", rel: "noopener noreferrer" });
    line.append(paper);
  }
  box.replaceChildren(line);
  if (idle.length) box.append(unused(idle));
  box.hidden = text === "";
}

function unused(idle) {
  const more = document.createElement("details");
  const head = document.createElement("summary");
  const list = document.createElement("ul");
  head.textContent = idle.length === 1 ? "1 option does not count here" : `${idle.length} options do not count here`;
  idle.forEach(([label, reason]) => {
    const item = document.createElement("li");
    item.textContent = `${label}: ${reason}`;
    list.append(item);
  });
  more.append(head, list);
  return more;
}

watch("value", draw);
draw();
