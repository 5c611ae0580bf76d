"""A view's value as one HTML file, or as a frame for notebooks. The same script and style as in the app, no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json

from components.context_reliance.assets import ASSETS as CONTEXT_RELIANCE
from components.contrastive.assets import ASSETS as CONTRASTIVE
from components.figure.assets import Assets
from components.layer_grid.assets import ASSETS as LAYER_GRID
from components.neuron_factors.assets import ASSETS as NEURON_FACTORS
from components.token_heatmap.assets import ASSETS as TOKEN_HEATMAP
from spaces_app.export.tables import table

# Script and style of each kind of figure.
FIGURES: dict[str, Assets] = {
    "token_heatmap": TOKEN_HEATMAP,
    "contrastive": CONTRASTIVE,
    "context_reliance": CONTEXT_RELIANCE,
    "neuron_factors": NEURON_FACTORS,
    "layer_grid": LAYER_GRID,
}
_PAGE_STYLE = """
:root { color-scheme: light dark; }
body {
  margin: 0; padding: 16px; background: Canvas; color: CanvasText;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
main { max-width: 960px; margin: 0 auto; }
h1 { margin: 0 0 12px; font-size: 18px; font-weight: 600; overflow-wrap: anywhere; }
table { border-collapse: collapse; } td, th { padding: 2px 10px; text-align: start; white-space: pre-wrap; }
"""
# Characters that could end the script element, or that JavaScript once read as line ends.
_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def standalone(value: dict, *, title: str = "Seqscope") -> str:
    """A whole HTML page that draws the value of any view with hover, tap, keyboard and all that it can do.

    The page may run this one script and use this one style, both named by hash in its policy, and nothing else: it
    makes no request, and text of the model cannot become code. Without scripts it shows a plain table.
    """
    assets = FIGURES[value["kind"]]
    script, style = assets.script() + mounting(assets), _PAGE_STYLE + assets.style()
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    heading = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{heading}</h1>\n"
        f'<div class="{assets.root_class}"></div>\n<noscript>{table(value)}</noscript>\n</main>\n'
        f'<script type="application/json" id="value">{_json(value)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def mounting(assets: Assets) -> str:
    """The line of script that draws the value beside it."""
    return (
        f'Seqscope.{assets.name}.mount(document.querySelector("{assets.selector}"), '
        'JSON.parse(document.getElementById("value").textContent));'
    )


def frame(value: dict, *, title: str = "Seqscope", height: int = 0) -> str:
    """The same page inside a sandboxed <iframe>, for `_repr_html_` of notebooks; `height` in pixels, 0 for a guess.

    A notebook that is not trusted drops the frame's content, so the plain table follows it, folded.
    """
    # Measured: the parts around the text take 420 px; a line of 17 px text holds some 15 tokens.
    guess = 420 + 32 * (1 + len(value.get("tokens", ())) // 15)
    page = html.escape(standalone(value, title=title), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{html.escape(title, quote=True)}" '
        f'style="width:100%;height:{height or min(900, guess)}px;border:0"></iframe>'
        f"<details><summary>As a table</summary>{table(value)}</details>"
    )


def _json(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"
