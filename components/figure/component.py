"""A figure as a Gradio component: a constant template; data arrives in `value` and is drawn by the figure's script."""

from __future__ import annotations

import html
import json
from typing import Any, ClassVar

import gradio as gr

from .assets import COMPONENTS, Assets
from .modules import joined


class Figure(gr.HTML):
    """The base of every figure; a subclass names its `assets`, and its docstring says what the value is.

    Return a new value to redraw, not `gr.update`, which loses it in a tab that has not been opened yet. The `select`
    event fires when a visitor pins something, and the `ask` event when a click asks a further question.
    """

    assets: ClassVar[Assets]

    def __init__(self, value: Any = None, **kwargs: Any):
        assets = self.assets
        figure = json.dumps({"selector": assets.selector, "name": assets.name, "packed": assets.packed()})
        script = joined(COMPONENTS / "figure/gradio.js").body
        fixed = {
            # Text never goes through Gradio's templates: they would run a token such as ${alert(1)}.
            "html_template": f'<div class="{assets.root_class}"></div>',
            "js_on_load": f"{script}\nattach({{ element, props, trigger, watch }}, {figure});",
            "apply_default_css": False,
        }
        super().__init__(value=value, **{**kwargs, **fixed})

    def postprocess(self, value: Any) -> str | None:
        """One JSON string: Gradio wraps nested data in proxies, which would slow down every event of the page."""
        if value is None or value == "":
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def preprocess(self, payload: str | None) -> Any:
        return json.loads(payload) if payload else None

    def api_info(self) -> dict:
        return {"type": "string", "description": f"A {self.assets.name} figure as JSON."}

    def example_payload(self) -> None:
        return None

    def example_value(self) -> None:
        return None

    def process_example(self, value: Any, cache_dir: str | None = None) -> str:
        """The generated text, escaped: Gradio inserts examples of HTML components as markup."""
        tokens = value["tokens"] if value else []
        return html.escape("".join(token["text"] for token in tokens if token["segment"] == "generated"))
