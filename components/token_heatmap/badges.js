// A labelled list to choose from, and labels that explain themselves.

import { element, uniqueId } from "../figure/widgets.js";
/** @import { Badge } from "../figure/types.js" */
/** @import { Tip } from "../figure/widgets.js" */
/** @import { Pick } from "./types.js" */

/**
 * A labelled list to choose from. Returns {node, fill(choices), set(value), note}. choices: [[value, text, group]…].
 * @param {string} name @param {string} label @param {(value: string) => void} onChange @returns {Pick}
 */
export function makeSelect(name, label, onChange) {
  const node = element("div", "ss-pick");
  const caption = node.appendChild(element("label", "ss-pick-label", label));
  const select = node.appendChild(element("select", "ss-select"));
  caption.htmlFor = select.id = name;
  const note = node.appendChild(element("span", "ss-pick-note"));
  select.addEventListener("change", () => onChange(select.value));
  const fill = (/** @type {[string, string, string?][]} */ choices) => {
    select.textContent = "";
    /** @type {HTMLOptGroupElement | null} */
    let group = null;
    choices.forEach(([value, text, of]) => {
      if (of && (!group || group.label !== of)) {
        group = select.appendChild(element("optgroup"));
        group.label = of;
      }
      const option = (of && group ? group : select).appendChild(element("option", "", text));
      option.value = value;
    });
    node.hidden = choices.length < 2;
  };
  return { node, fill, note, set: (value) => (select.value = value) };
}

/**
 * Label and text pairs of which some have a sentence, shown on hover, focus and tap. badges: [{label, text, about}].
 * @param {HTMLElement} list @param {Badge[]} badges @param {Tip} hint
 */
export function fillBadges(list, badges, hint) {
  list.textContent = "";
  badges.forEach((badge) => {
    const pair = list.appendChild(element("div", "ss-pair"));
    pair.appendChild(element("dt", "", String(badge.label)));
    const place = pair.appendChild(element("dd"));
    if (!badge.about) {
      place.textContent = String(badge.text);
      return;
    }
    const button = place.appendChild(element("button", "ss-badge", String(badge.text)));
    button.type = "button";
    const about = place.appendChild(element("span", "", String(badge.about)));
    about.hidden = true; // read out with the button, shown by the hint
    about.id = uniqueId("ss-about");
    button.setAttribute("aria-describedby", about.id);
    const show = () => hint.show(pair.getBoundingClientRect(), String(badge.about), [], false);
    button.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "touch") show();
    });
    button.addEventListener("pointerleave", () => hint.hide());
    button.addEventListener("focus", show);
    button.addEventListener("blur", () => hint.hide());
    button.addEventListener("click", show);
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      hint.hide();
    });
  });
  list.hidden = badges.length === 0;
}
