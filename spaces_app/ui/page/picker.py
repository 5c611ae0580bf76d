"""A list of records to choose from: grouped, each with a line about it, what it takes, and why it is not possible."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from spaces_app.ui.page.script_widget import mounting


class Picker(gr.HTML):
    """One record of a table, or several. Its value is the record's name, or names separated by commas.

    `entries` are {"name", "label", "group", "about"}, those of a group together; `column` is the field it is for.
    Seconds and reasons arrive from the tab's costs (see costs.js). Texts of records may be a stranger's: the script
    writes text nodes. To hide it, hide a column around it, since `gr.update` drops what makes it a picker.
    """

    def __init__(
        self,
        value: str = "",
        *,
        entries: Sequence[dict[str, str]] = (),
        several: bool = False,
        column: str = "",
        label: str = "",
        info: str = "",
        **kwargs: Any,
    ):
        # Not as properties: Gradio 6.31 forgets those of a component that is first shown by an event.
        facts = {"entries": list(entries), "several": several, "column": column, "label": label, "help": info or ""}
        packed = base64.b64encode(json.dumps(facts).encode("ascii")).decode("ascii")
        kept = {name: kwargs[name] for name in ("elem_id", "render", "key", "visible") if name in kwargs}
        super().__init__(
            value,
            html_template='<div class="seq-picker"></div>',
            js_on_load=mounting("picker", f'JSON.parse(atob("{packed}"))'),
            apply_default_css=False,
            elem_classes=["seq-part", *(kwargs.get("elem_classes") or [])],
            **kept,
        )
        self.entries, self.several = list(entries), several

    def api_info(self) -> dict:
        """A name; only private events use it."""
        return {"type": "string"}
