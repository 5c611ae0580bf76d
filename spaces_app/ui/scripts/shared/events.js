// How pieces of the page hear of each other.

/** @import { Details } from "../types.js" */

/**
 * Calls back with what an event carries.
 * @template {keyof Details} N @param {EventTarget} target @param {N} name @param {(detail: Details[N]) => void} then
 * @param {AddEventListenerOptions} [options]
 */
export function hear(target, name, then, options) {
  target.addEventListener(name, (event) => then(event instanceof CustomEvent ? event.detail : null), options);
}

/** @template {keyof Details} N @param {EventTarget} target @param {N} name @param {Details[N]} detail */
export function tell(target, name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail }));
}
