// The skeleton of the figure.

import { element, Legend, makeSwitch, Tip, uniqueId } from "../figure/widgets.js";
/** @import { Choice } from "../figure/types.js" */
/** @import { LayerGridParts } from "./types.js" */

export const EMPTY_GRID = "Nothing to show yet. Write a text and press Run.";

/** @param {HTMLElement} root @returns {LayerGridParts} */
export function buildGrid(root) {
  root.textContent = "";
  const parts = /** @type {LayerGridParts} */ ({ tip: new Tip(root), legend: new Legend() });
  parts.empty = root.appendChild(element("p", "ss-empty"));
  parts.frame = root.appendChild(element("div", "ss-frame"));
  parts.toolbar = parts.frame.appendChild(element("div", "ss-toolbar"));
  parts.stale = parts.frame.appendChild(element("p", "ss-stale", "Not run yet: press Run"));
  parts.stage = parts.frame.appendChild(element("div", "ss-stage"));
  parts.hint = parts.stage.appendChild(element("p", "ss-hint"));
  parts.matrix = parts.stage.appendChild(element("div", "ss-matrix"));
  parts.matrix.tabIndex = 0;
  parts.matrix.setAttribute("role", "group");
  const scale = parts.frame.appendChild(element("div", "ss-scale-row"));
  scale.append(parts.legend.node);
  const reading = parts.frame.appendChild(element("div", "ss-reading sg-reading"));
  const left = reading.appendChild(element("div", "sg-left"));
  parts.caption = left.appendChild(element("p", "ss-caption"));
  parts.details = left.appendChild(element("dl", "ss-pairs ss-details"));
  parts.top = left.appendChild(element("ol", "sg-top"));
  parts.chart = reading.appendChild(element("div", "sg-chart"));
  parts.badges = parts.frame.appendChild(element("dl", "ss-pairs ss-badges"));
  parts.notes = parts.frame.appendChild(element("ul", "ss-notes"));
  parts.status = root.appendChild(element("p", "ss-status"));
  parts.status.setAttribute("role", "status");
  root.appendChild(parts.tip.node);
  return parts;
}

/**
 * A switch of the matrices, where there are several. show(name) is called with the one chosen.
 * @param {LayerGridParts} parts @param {Choice[]} choices @param {(name: string) => void} show
 */
export function offer(parts, choices, show) {
  parts.toolbar.textContent = "";
  parts.show = makeSwitch(uniqueId("sg-show"), "What is shown", choices, show);
  parts.toolbar.hidden = choices.length < 2;
  parts.toolbar.append(parts.show.node);
}
