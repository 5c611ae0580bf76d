// One quiet line under a figure: when and with what its numbers were computed, and a button that computes them anew.

import { make } from "./shared/elements.js";
import { hear } from "./shared/events.js";
import { part, tabOf } from "./shared/places.js";
/** @import { Page } from "./types.js" */

/** @param {Page<{ text?: string, verdict?: string, digest?: string }>} page */
export function mount({ element, props, trigger, watch }) {
  const box = part(element, ".seq-record");
  const line = make("p");
  const again = make("button", { type: "button" }, "Re-run live");
  const verdict = make("p", { className: "seq-record-verdict", role: "status" });
  let view = "";
  box.replaceChildren(line, again, verdict);
  const draw = () => {
    const { text = "", verdict: said = "", digest = "" } = props.value || {};
    line.textContent = text;
    verdict.textContent = said;
    box.hidden = !digest;
  };
  watch("value", () => {
    view = "";
    draw();
  });
  again.addEventListener("click", () => trigger("again", { digest: String((props.value || {}).digest ?? ""), view }));
  hear(tabOf(element), "seqscope:view", (detail) => (view = String(detail?.state ?? "")));
  draw();
}
