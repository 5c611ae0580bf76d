"""The figure before the page: what `/` shows while Gradio still starts, the embed page of the link in a frame.

Gradio builds every component before it paints anything, which takes a second; a stored figure is there in a quarter
of that. The frame goes when the page's own figure appears in the same place, or when nothing is stored under the link.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urlencode

from spaces_app.components.figure.modules import joined
from spaces_app.serving.gallery import examples
from spaces_app.tabs import TABS
from spaces_app.ui.page import messages
from spaces_app.ui.page.comparing import TITLE
from spaces_app.ui.page.script_widget import SCRIPTS
from spaces_app.ui.theme import COLOURS, SANS

_NAMES = {
    "paper": "body_background_fill",
    "ink": "body_text_color",
    "quiet": "body_text_color_subdued",
    "line": "border_color_primary",
}


def early() -> str:
    """HTML for the beginning of the page's body. Shows the first recorded example where the address has no link."""
    titles = [*(tab.title for tab in TABS.values()), TITLE]
    values = {
        "name": messages.NAME,
        "tagline": messages.TAGLINE,
        "fonts": ", ".join(name if name.islower() else f'"{name}"' for name in SANS),
        "first": html.escape(_first()),
        "script": joined(SCRIPTS / "early.js").body + "\nmount();",
        "tabs": "".join(f"<span>{html.escape(title)}</span>" for title in titles),
    }
    for ours, theirs in _NAMES.items():
        values[f"{ours}_light"], values[f"{ours}_dark"] = COLOURS[theirs]
    source = (Path(__file__).parents[1] / "early.html").read_text(encoding="utf-8")
    return re.sub(r"@([a-z_]+)@", lambda found: values[found[1]], source)


def _first() -> str:
    """Where the first example's embed page is, or ""."""
    example = next(iter(examples(next(iter(TABS.values())).analysis.name)), None)
    return f"embed/{example.result.spec.digest()}?" + urlencode({"view": example.view}) if example else ""
