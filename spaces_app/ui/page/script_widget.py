"""A small piece of the page that its own script draws from plain data, by textContent alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from spaces_app.components.figure.modules import joined

SCRIPTS = Path(__file__).parents[1] / "scripts"


def mounting(piece: str, *arguments: str) -> str:
    """What Gradio runs for one piece: `scripts/<piece>.js` with what it imports, and a call of its `mount`.

    `arguments` are JavaScript. Every visitor receives the script inside the page: comments and indentation stay here.
    """
    body = joined(SCRIPTS / f"{piece}.js").body
    return f"{body}\nmount({', '.join(('{ element, props, trigger, watch }', *arguments))});"


class ScriptWidget(gr.HTML):
    """The piece drawn by `scripts/<piece>.js`. Its template is a constant: data is never part of markup.

    A script sees `element`, `props.value`, `watch` and `trigger`; the events it triggers become methods here.
    With `shown=False` it only runs, or, where there is no such file, only holds its value.
    """

    def __init__(self, piece: str = "", value: object = None, *, shown: bool = True, **kwargs: Any):
        super().__init__(
            value,
            html_template=f'<div class="seq-{piece}"></div>',
            js_on_load=mounting(piece) if (SCRIPTS / f"{piece}.js").exists() else "",
            apply_default_css=False,
            elem_classes=["seq-part", *([] if shown else ["seq-hidden"])],
            **kwargs,
        )
        self.piece, self.shown = piece, shown

    def api_info(self) -> dict:
        """Plain data; only private events use it."""
        return {"type": "object"}
