// Dialogs of the page.

import { make } from "./elements.js";

/** A dialog with a heading and a button that closes it. @param {string} className @param {string} title */
export function makeDialog(className, title) {
  const box = make("dialog", { className, "aria-label": title });
  const head = box.appendChild(make("div", { className: "seq-share-head" }));
  head.appendChild(make("h3", {}, title));
  const close = head.appendChild(make("button", { type: "button", className: "seq-share-close" }, "Close"));
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => {
    if (event.target === box) box.close(); // the backdrop
  });
  return { box, head, close };
}
