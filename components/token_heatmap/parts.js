// The skeleton of the figure and its controls. Each part shows what it is given.

import { element, Legend, makeSwitch, Tip, uniqueId } from "../figure/widgets.js";
import { makeSelect } from "./badges.js";
/** @import { Choice } from "../figure/types.js" */
/** @import { HeatmapParts } from "./types.js" */

/** @type {Choice[]} */
const VIEW_CHOICES = [["flow", "Colour"], ["percent", "Percent"], ["matrix", "Matrix"]];

/** @type {Choice[]} */
const UNIT_CHOICES = [["token", "Token"], ["word", "Word"], ["sentence", "Sentence"]];

/** @type {Choice[]} */
const RANGE_CHOICES = [["token", "This token"], ["output", "Whole output"]];

/**
 * The whole skeleton under root. on: {unit, view, range, curve, part} are called with the value chosen.
 * @param {HTMLElement} root @param {Record<"unit" | "view" | "range" | "curve" | "part", (value: string) => void>} on
 * @returns {HeatmapParts}
 */
export function buildParts(root, on) {
  root.textContent = "";
  const parts = /** @type {HeatmapParts} */ ({ tip: new Tip(root), hint: new Tip(root), legend: new Legend() });
  parts.hint.node.className = "ss-hint-tip";
  parts.hint.title.className = "";
  parts.empty = root.appendChild(element("p", "ss-empty"));
  parts.frame = root.appendChild(element("div", "ss-frame"));
  const toolbar = parts.frame.appendChild(element("div", "ss-toolbar"));
  parts.view = makeSwitch(uniqueId("ss-view"), "View", VIEW_CHOICES, on.view);
  parts.unit = makeSwitch(uniqueId("ss-unit"), "Unit", UNIT_CHOICES, on.unit);
  toolbar.append(parts.view.node, parts.unit.node);
  parts.stale = parts.frame.appendChild(element("p", "ss-stale", "Not run yet: press Run"));
  parts.stage = parts.frame.appendChild(element("div", "ss-stage"));
  parts.hintLine = parts.stage.appendChild(element("p", "ss-hint"));
  const picks = parts.frame.appendChild(element("div", "ss-picks"));
  parts.curve = makeSelect(uniqueId("ss-curve"), "Curve", on.curve);
  parts.part = makeSelect(uniqueId("ss-part"), "Show", on.part);
  picks.append(parts.part.node, parts.curve.node);
  parts.scale = parts.frame.appendChild(element("div", "ss-scale-row"));
  parts.range = makeSwitch(uniqueId("ss-range"), "Colour range", RANGE_CHOICES, on.range);
  parts.scale.append(parts.legend.node, parts.range.node);
  const reading = parts.frame.appendChild(element("div", "ss-reading"));
  parts.caption = reading.appendChild(element("p", "ss-caption"));
  parts.details = reading.appendChild(element("dl", "ss-pairs ss-details"));
  parts.others = reading.appendChild(element("div", "ss-others"));
  parts.agreement = parts.frame.appendChild(element("div", "ss-agreement"));
  parts.badges = parts.frame.appendChild(element("dl", "ss-pairs ss-badges"));
  parts.notes = parts.frame.appendChild(element("ul", "ss-notes"));
  parts.status = root.appendChild(element("p", "ss-status"));
  parts.status.setAttribute("role", "status");
  root.append(parts.tip.node, parts.hint.node);
  return parts;
}
