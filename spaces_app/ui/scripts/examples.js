// The recorded examples as a row of cards; one click shows one.

import { make } from "./shared/elements.js";
import { hear } from "./shared/events.js";
import { part, tabOf } from "./shared/places.js";
/** @import { Page } from "./types.js" */

/** @typedef {{ name: string, title: string, question: string, digest: string }} Example */

/** @param {Page<{ examples?: Example[], shown?: string }>} page */
export function mount({ element, props, trigger, watch }) {
  const list = part(element, ".seq-examples");
  const cards = make("ul");
  const earlier = arrow(cards, "‹", "Earlier examples", -1);
  const more = arrow(cards, "›", "More examples", 1);
  // An arrow is there only while there is something to see on its side.
  const point = () => {
    earlier.hidden = cards.scrollLeft < 8;
    more.hidden = cards.scrollLeft > cards.scrollWidth - cards.clientWidth - 8;
  };
  const draw = () => {
    const { examples = [], shown = "" } = props.value || {};
    cards.replaceChildren(...examples.map((example) => card(example, () => trigger("pick", { name: example.name }))));
    list.replaceChildren(earlier, cards, more);
    list.hidden = examples.length === 0;
    mark(cards, shown);
    point();
  };
  watch("value", draw);
  hear(tabOf(element), "seqscope:shown", ({ digest }) => mark(cards, digest));
  cards.addEventListener("scroll", point, { passive: true });
  new ResizeObserver(point).observe(cards);
  draw();
}

/** @param {HTMLElement} cards @param {string} sign @param {string} label @param {number} direction */
function arrow(cards, sign, label, direction) {
  const made = make("button", { type: "button", className: "seq-arrow", hidden: true, "aria-label": label }, sign);
  const move = () => cards.scrollBy({ left: direction * 0.8 * cards.clientWidth, behavior: "smooth" });
  made.addEventListener("click", move);
  return made;
}

/** @param {Example} example @param {() => void} pick @returns {HTMLElement} */
function card({ title, question, digest }, pick) {
  const item = make("li");
  const button = make("button", { type: "button" });
  button.dataset.digest = digest;
  button.append(make("strong", {}, title), make("span", {}, question));
  button.addEventListener("click", pick);
  item.append(button);
  return item;
}

/**
 * The card whose result the figure shows is marked and in sight, however the result came there.
 * @param {HTMLElement} cards @param {string | undefined} digest
 */
function mark(cards, digest) {
  cards.querySelectorAll("button").forEach((button) => {
    const shown = button.dataset.digest === digest;
    button.setAttribute("aria-pressed", String(shown));
    if (!shown) return;
    const [left, right] = [button.offsetLeft, button.offsetLeft + button.offsetWidth];
    if (left < cards.scrollLeft || right > cards.scrollLeft + cards.clientWidth) cards.scrollLeft = left - 60;
  });
}
