"""TokenHeatmap as a Gradio component: a constant template; data arrives in `value` and is drawn by the script."""

from __future__ import annotations

import html
import json

import gradio as gr

from components.token_heatmap import assets

# Text never goes through Gradio's templates: they would run a token such as ${alert(1)}. The script writes text nodes.
_TEMPLATE = f'<div class="{assets.ROOT_CLASS}"></div>'

# Runs once for each instance. `watch` comes first: an exception before it would leave the figure dead for ever.
_ON_LOAD = """
let parts = null;
let figure = null;
let mounted = null;
const draw = () => {
  const root = element.querySelector(".ROOT");
  if (!parts || !root) return;
  if (mounted === root) return figure.update(props.value);
  if (figure) figure.destroy();
  mounted = root;
  figure = parts.mount(root, props.value, { emit: (detail) => trigger("select", detail) });
};
watch("value", draw);
const unpack = async (text) => {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const [script, style] = await new Response(stream).json();
  const sheet = document.createElement("style");
  sheet.textContent = style;
  element.prepend(sheet);
  new Function(script)();
  parts = window.Seqscope.tokenHeatmap;
  draw();
};
unpack("PACKED").catch((error) => {
  console.error(error);
  element.querySelector(".ROOT").textContent = "This figure cannot be drawn: " + error.message;
});
""".replace("ROOT", assets.ROOT_CLASS).strip()


class TokenHeatmap(gr.HTML):
    """Prompt and generated tokens in one flow, coloured by what the selected ones rely on.

    The value is the dict that `spaces_app.views.token_heatmap` makes (or None for an empty figure); the README of
    this folder lists its keys. Return a new value to redraw, not `gr.update`, which loses it in a tab not open yet.
    The `select` event fires when a visitor pins tokens: `evt.index` is [first, last] column, `evt.value` their text.
    """

    def __init__(self, value=None, **kwargs):
        fixed = {
            "html_template": _TEMPLATE,
            "js_on_load": _ON_LOAD.replace("PACKED", assets.packed()),
            "apply_default_css": False,
        }
        super().__init__(value=value, **{**kwargs, **fixed})

    def postprocess(self, value):
        """One JSON string: Gradio wraps nested data in proxies, which would slow down every event of the page."""
        if value is None or value == "":
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def preprocess(self, payload):
        return json.loads(payload) if payload else None

    def api_info(self):
        return {"type": "string", "description": "A token heatmap as JSON."}

    def example_payload(self):
        return None

    def example_value(self):
        return None

    def process_example(self, value, cache_dir=None):
        """The generated text, escaped: Gradio inserts examples of HTML components as markup."""
        tokens = value["tokens"] if value else []
        return html.escape("".join(token["text"] for token in tokens if token["segment"] == "generated"))
