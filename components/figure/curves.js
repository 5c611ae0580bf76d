// Lines over an axis of names, told apart by dash and label as well as by colour.

import { element } from "./widgets.js";
import { formatScore, labelOf } from "./words.js";
/** @import { CurvePicture } from "./types.js" */

const SVG_SPACE = "http://www.w3.org/2000/svg";

const DASHES = ["none", "6 3", "2 3", "9 3 2 3", "4 2", "1 2", "12 3", "7 2 1 2"];

/**
 * @template {keyof SVGElementTagNameMap} T @param {T} tag @param {Record<string, string | number>} [attributes]
 * @param {string} [text] @returns {SVGElementTagNameMap[T]}
 */
export function svgElement(tag, attributes, text) {
  const node = document.createElementNS(SVG_SPACE, tag);
  Object.entries(attributes || {}).forEach(([name, value]) => node.setAttribute(name, String(value)));
  if (text !== undefined) node.textContent = text;
  return node;
}

/** What stands in an element, and how wide it was drawn. @type {WeakMap<HTMLElement, { what: CurvePicture, width: number }>} */
const drawn = new WeakMap();

/**
 * curves: [{label, values}]. Ranks are logarithmic with 1 on top. at: the name that is marked, or -1.
 * Drawn at the host's own width, so that labels stay legible, and again when that changes.
 * @param {HTMLElement} host @param {CurvePicture} what @returns {SVGSVGElement | null}
 */
export function drawCurves(host, what) {
  const known = drawn.get(host);
  drawn.set(host, { what, width: known ? known.width : 0 });
  if (!known) {
    new ResizeObserver(() => {
      const now = drawn.get(host);
      if (now && host.clientWidth && curveWidth(host) !== now.width) paintCurves(host, now.what);
    }).observe(host);
  }
  return paintCurves(host, what);
}

/** @param {HTMLElement} host @returns {number} */
const curveWidth = (host) => Math.min(640, Math.max(240, host.clientWidth || 560));

/** @param {HTMLElement} host @param {CurvePicture} what @returns {SVGSVGElement | null} */
function paintCurves(host, what) {
  const { names, curves, rank, axis, at } = what;
  host.textContent = "";
  const width = curveWidth(host);
  drawn.set(host, { what, width });
  const [height, left, right, top, bottom] = [190, 52, 14, 12, 40];
  const all = curves.flatMap((curve) => curve.values).filter((value) => value === value && Number.isFinite(value));
  if (!all.length) return null;
  const high = rank ? Math.log10(Math.max(...all, 10)) : Math.max(...all, 0);
  const low = rank ? 0 : Math.min(...all, 0);
  const x = (/** @type {number} */ i) => left + ((width - left - right) * i) / Math.max(1, names.length - 1);
  const y = (/** @type {number} */ value) => {
    const part = rank ? 1 - Math.log10(Math.max(1, value)) / high : (value - low) / Math.max(high - low, 1e-12);
    return top + (height - top - bottom) * (1 - part);
  };
  const picture = svgElement("svg", { viewBox: "0 0 " + width + " " + height, class: "sf-svg", role: "img" });
  const ends = rank ? ["1", String(Math.round(10 ** high))] : [formatScore(high), formatScore(low)];
  picture.appendChild(svgElement("text", { class: "sf-axis", x: left - 7, y: top + 4, "text-anchor": "end" }, ends[0]));
  picture.appendChild(svgElement("text", { class: "sf-axis", x: left - 7, y: height - bottom + 4, "text-anchor": "end" }, ends[1]));
  picture.appendChild(svgElement("line", { class: "sf-base", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  const short = names.map((name) => String(name).replace(/^\D+ (?=\d+$)/, ""));
  const room = Math.max(...short.map((name) => Math.min(name.length, 12))) * 7 + 10; // pixels of the longest label
  const every = Math.max(1, Math.ceil(((names.length - 1) * room) / (width - left - right)));
  const last = names.length - 1;
  short.forEach((name, i) => {
    const shown = i === last || (i % every === 0 && last - i >= every); // the last is always there, with room before it
    if (!shown) return;
    picture.appendChild(svgElement("text", { class: "sf-axis", x: x(i), y: height - bottom + 16, "text-anchor": "middle" }, name));
  });
  picture.appendChild(svgElement("text", { class: "sf-axis", x: (left + width) / 2, y: height - 6, "text-anchor": "middle" }, axis));
  if (at >= 0) picture.appendChild(svgElement("line", { class: "sf-at", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
  curves.forEach((curve, k) => {
    const known = curve.values.map((value, i) => [x(i), value]).filter(([, value]) => value === value);
    const points = known.map(([px, value]) => px.toFixed(1) + "," + y(value).toFixed(1)).join(" ");
    const looks = { class: "sf-line sf-line-" + (k % 8), "stroke-dasharray": DASHES[k % DASHES.length] };
    picture.appendChild(svgElement("polyline", { ...looks, points }));
    curve.values.forEach((value, i) => {
      if (value !== value) return;
      const dot = picture.appendChild(svgElement("circle", { class: "sf-dot sf-dot-" + (k % 8), cx: x(i), cy: y(value), r: 3.2 }));
      dot.appendChild(svgElement("title", {}, curve.label + ", " + names[i] + ": " + (rank ? "rank " + value : formatScore(value))));
    });
  });
  picture.setAttribute("aria-label", curves.map((curve) => curve.label).join(", ") + " by " + axis);
  host.appendChild(picture);
  if (curves.length > 1) {
    const legend = host.appendChild(element("ul", "sf-legend"));
    curves.forEach((curve, k) => {
      const item = legend.appendChild(element("li", "sf-legend-item"));
      const sample = item.appendChild(svgElement("svg", { viewBox: "0 0 26 8", class: "sf-sample", "aria-hidden": "true" }));
      const looks = { class: "sf-line sf-line-" + (k % 8), "stroke-dasharray": DASHES[k % DASHES.length] };
      sample.appendChild(svgElement("polyline", { ...looks, points: "0,4 26,4" }));
      item.appendChild(element("bdi", "", labelOf(curve.label, 24)));
    });
  }
  return picture;
}
