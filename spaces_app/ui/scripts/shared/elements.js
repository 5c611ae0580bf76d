// What pieces of the page are made with. Text is always text, never markup.

/**
 * A new element. Properties are set as such, `role` and names with a hyphen as attributes.
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {Record<string, unknown>} [properties]
 * @param {string} [text] @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, properties = {}, text = "") {
  const made = document.createElement(tag);
  Object.entries(properties).forEach(([name, value]) => {
    if (name === "role" || name.includes("-")) made.setAttribute(name, String(value));
    else Reflect.set(made, name, value);
  });
  if (text) made.textContent = text;
  return made;
}
