// The recorded examples as a row of cards; one click shows one.
const list = element.querySelector(".seq-examples");
const tab = element.closest(".seq-tab") ?? document.body;
const cards = document.createElement("ul");
const arrows = [make("‹", "Earlier examples", -1), make("›", "More examples", 1)];

function make(sign, label, direction) {
  const arrow = document.createElement("button");
  Object.assign(arrow, { type: "button", className: "seq-arrow", textContent: sign, hidden: true });
  arrow.setAttribute("aria-label", label);
  arrow.addEventListener("click", () => cards.scrollBy({ left: direction * 0.8 * cards.clientWidth, behavior: "smooth" }));
  return arrow;
}

function card({ name, title, question, digest }) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const head = document.createElement("strong");
  const line = document.createElement("span");
  head.textContent = title;
  line.textContent = question;
  button.type = "button";
  button.dataset.digest = digest;
  button.append(head, line);
  button.addEventListener("click", () => trigger("pick", { name }));
  item.append(button);
  return item;
}

// The card whose result the figure shows is marked and in sight, however the result came there.
function mark(digest) {
  cards.querySelectorAll("button").forEach((button) => {
    const shown = button.dataset.digest === digest;
    button.setAttribute("aria-pressed", String(shown));
    if (!shown) return;
    const [left, right] = [button.offsetLeft, button.offsetLeft + button.offsetWidth];
    if (left < cards.scrollLeft || right > cards.scrollLeft + cards.clientWidth) cards.scrollLeft = left - 60;
  });
}

// An arrow is there only while there is something to see on its side.
function point() {
  const rest = cards.scrollWidth - cards.clientWidth;
  arrows[0].hidden = cards.scrollLeft < 8;
  arrows[1].hidden = cards.scrollLeft > rest - 8;
}

function draw() {
  const { examples = [], shown = "" } = props.value || {};
  cards.replaceChildren(...examples.map(card));
  list.replaceChildren(arrows[0], cards, arrows[1]);
  list.hidden = examples.length === 0;
  mark(shown);
  point();
}

watch("value", draw);
tab.addEventListener("seqscope:shown", (event) => mark(event.detail.digest));
cards.addEventListener("scroll", point, { passive: true });
new ResizeObserver(point).observe(cards);
draw();
