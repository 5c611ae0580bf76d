// Copying what a field says.

/**
 * Copies what a field says, and tells so on the button for a moment.
 * @param {HTMLInputElement | HTMLTextAreaElement} field @param {HTMLButtonElement} button @param {string} label
 */
export async function copyFrom(field, button, label) {
  let done = true;
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // In an iframe without permission only the old way works.
    field.select();
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Press Ctrl+C";
  if (!done) field.select();
  setTimeout(() => (button.textContent = label), 1600);
}
