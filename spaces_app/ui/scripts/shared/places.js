// Where a piece stands on the page.

/** @import { Tab } from "../types.js" */

/** The element of a piece's template. @param {HTMLElement} element @param {string} selector @returns {HTMLElement} */
export function part(element, selector) {
  const found = element.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return found;
}

/** The tab a piece stands in, else the whole page. @param {HTMLElement} element @returns {Tab} */
export const tabOf = (element) => element.closest(".seq-tab") ?? document.body;

/** The whole page, of which somebody's own page may hold several. @param {HTMLElement} element @returns {HTMLElement} */
export const pageOf = (element) => element.closest(".gradio-container") ?? document.body;
