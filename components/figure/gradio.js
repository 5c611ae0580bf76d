// Draws a figure inside Gradio: runs once for each instance, with what Gradio gives the script of an HTML component.

/** @import { Mount, Mounted } from "./contract.js" */


/** @typedef {{ element: HTMLElement, props: { value: string | null }, trigger: Trigger, watch: Watch }} Given */
/** @typedef {(name: string, detail: Record<string, unknown>) => void} Trigger */
/** @typedef {(name: string, then: () => void) => void} Watch */

/**
 * selector: of the root element; name: of the figure; packed: script and style as `Assets.packed` makes them.
 * @param {Given} given @param {{ selector: string, name: string, packed: string }} figure
 */
export function attach({ element, props, trigger, watch }, { selector, name, packed }) {
  /** @type {Mount<unknown> | null} */
  let mount = null;
  /** @type {Mounted<unknown> | null} */
  let drawn = null;
  /** @type {HTMLElement | null} */
  let root = null;
  const draw = () => {
    /** @type {HTMLElement | null} */
    const now = element.querySelector(selector);
    if (!mount || !now) return;
    if (drawn && root === now) return drawn.update(props.value);
    if (drawn) drawn.destroy();
    root = now;
    drawn = mount(now, props.value, { emit: (detail) => trigger(detail.ask ? "ask" : "select", detail) });
  };
  watch("value", draw); // comes first: an exception before it would leave the figure dead for ever
  const load = async () => {
    const [script, style] = await unpack(packed);
    const sheet = document.createElement("style");
    sheet.textContent = style;
    element.prepend(sheet);
    // eslint-disable-next-line no-new-func -- it is the figure's own script, which Gradio would send as text anyway
    new Function(script)();
    mount = /** @type {Record<string, { mount: Mount<unknown> }>} */ (/** @type {unknown} */ (window.Seqscope))[name].mount;
    draw();
  };
  load().catch((error) => {
    console.error(error);
    const place = element.querySelector(selector);
    if (place) place.textContent = "This figure cannot be drawn: " + error.message;
  });
}

/** @param {string} packed @returns {Promise<[script: string, style: string]>} */
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).json();
}
