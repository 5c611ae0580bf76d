"""A small piece of the page that its own script draws from plain data, by textContent alone."""

from __future__ import annotations

from pathlib import Path

import gradio as gr


class Part(gr.HTML):
    """The piece drawn by `<piece>.js` beside this file. Its template is a constant: data is never part of markup.

    A script sees `element`, `props.value`, `watch` and `trigger`; the events it triggers become methods here.
    With `shown=False` it only runs, or, where there is no such file, only holds its value.
    """

    def __init__(self, piece: str = "", value=None, *, shown: bool = True, **kwargs):
        path = Path(__file__).parent / f"{piece}.js"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        # Every visitor receives the script inside the page, uncompressed: comments and indentation stay here.
        script = "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("//"))
        super().__init__(
            value,
            html_template=f'<div class="seq-{piece}"></div>',
            js_on_load=script,
            apply_default_css=False,
            elem_classes=["seq-part", *([] if shown else ["seq-hidden"])],
            **kwargs,
        )
        self.piece, self.shown = piece, shown

    def api_info(self) -> dict:
        """Plain data; only private events use it."""
        return {"type": "object"}
