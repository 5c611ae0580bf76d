// Colours: one hue for unsigned scores, two for signed ones, zero at the background. Text on every shade keeps a
// contrast of at least 4.5 (WCAG AA), which is why the darkest shades are no darker (light) or lighter (dark).

/** @import { Colours } from "./types.js" */


/** @type {Record<"light" | "dark", Colours>} */
const PALETTES = {
  light: {
    positive: [232, 119, 34], negative: [59, 139, 224],
    ink: "#14171c", muted: "#565b64", grid: "rgba(20, 23, 28, 0.035)", line: "#ffffff", curve: "#0f7b5f",
  },
  dark: {
    positive: [173, 79, 8], negative: [40, 105, 194],
    ink: "#f4f5f7", muted: "#a9aeb8", grid: "rgba(244, 245, 247, 0.06)", line: "#18181b", curve: "#4fc7a3",
  },
};

export class Palette {
  /** @param {"light" | "dark"} name */
  constructor(name) {
    const { positive, negative, ink, muted, grid, line, curve } = PALETTES[name];
    this.name = name;
    this.positive = positive;
    this.negative = negative;
    this.ink = ink;
    this.muted = muted;
    this.grid = grid;
    this.line = line;
    this.curve = curve;
    /** @type {Map<number, string>} */
    this.shades = new Map();
  }

  /**
   * The shade of a value at part (0 to 1) of the scale, in 100 steps; "" at zero, where the background shows.
   * @param {number} value @param {number} part @returns {string}
   */
  shade(value, part) {
    const step = Math.round(Math.min(1, part) * 100);
    if (!(step > 0)) return "";
    const key = value < 0 ? -step : step;
    const known = this.shades.get(key);
    if (known !== undefined) return known;
    const shade = "rgba(" + (value < 0 ? this.negative : this.positive).join(", ") + ", " + step / 100 + ")";
    this.shades.set(key, shade);
    return shade;
  }
}

/**
 * Gradio marks a dark page by the class "dark" on an ancestor, other pages may say "light" too, else they follow the system.
 * @param {HTMLElement} root @returns {boolean}
 */
export function isDark(root) {
  if (root.closest(".dark")) return true;
  if (root.closest(".light, .gradio-container")) return false;
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Calls back whenever the theme may have changed. Returns a function that stops watching.
 * @param {HTMLElement} root @param {() => void} callback @returns {() => void}
 */
export function watchTheme(root, callback) {
  const observer = new MutationObserver(callback);
  for (let node = root.parentElement; node; node = node.parentElement) {
    observer.observe(node, { attributes: true, attributeFilter: ["class"] });
  }
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", callback);
  };
}
