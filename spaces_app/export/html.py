"""A view's value as one HTML file, or as a frame for notebooks. The same script and style as in the app, no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json

import numpy as np

from components.token_heatmap import assets

_MOUNT = (
    f'Seqscope.tokenHeatmap.mount(document.querySelector(".{assets.ROOT_CLASS}"), '
    'JSON.parse(document.getElementById("value").textContent));'
)
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
    """A whole HTML page that draws `value` (of `views.token_heatmap`) with hover, tap, keyboard and all views.

    The page may run this one script and use this one style, both named by hash in its policy, and nothing else: it
    makes no request, and text of the model cannot become code. Without scripts it shows a plain table.
    """
    script, style = assets.script() + _MOUNT, _PAGE_STYLE + assets.style()
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    heading = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{heading}</h1>\n"
        f'<div class="{assets.ROOT_CLASS}"></div>\n<noscript>{table(value)}</noscript>\n</main>\n'
        f'<script type="application/json" id="value">{_json(value)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def frame(value: dict, *, title: str = "Seqscope", height: int = 0) -> str:
    """The same page inside a sandboxed <iframe>, for `_repr_html_` of notebooks; `height` in pixels, 0 for a guess.

    A notebook that is not trusted drops the frame's content, so the plain table follows it, folded.
    """
    # Measured: the parts around the text take 420 px; a line of 17 px text holds some 15 tokens.
    guess = 420 + 32 * (1 + len(value["tokens"]) // 15)
    page = html.escape(standalone(value, title=title), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{html.escape(title, quote=True)}" '
        f'style="width:100%;height:{height or min(900, guess)}px;border:0"></iframe>'
        f"<details><summary>As a table</summary>{table(value)}</details>"
    )


def table(value: dict) -> str:
    """Plain markup without scripts: each generated token, its probability, and the three tokens it relies on most."""
    rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in _strongest(value))
    return f"<table><tr><th>Generated</th><th>Probability</th><th>Relies most on</th></tr>{rows}</table>"


def _strongest(value: dict) -> list[tuple[str, str, str]]:
    scores = np.frombuffer(base64.b64decode(value["scores"]["f32"]), dtype="<f4")
    scores = np.nan_to_num(scores.reshape(value["scores"]["rows"], value["scores"]["cols"]))
    texts = [token["text"] for token in value["tokens"]]
    probabilities = value["steps"].get("probability") or [None] * len(value["generated"])
    rows = []
    for column, token in enumerate(value["generated"]):
        sizes = np.abs(scores[:, column])
        total = sizes.sum() or 1.0
        best = [i for i in np.argsort(-sizes, kind="stable")[:3] if sizes[i] > 0]
        reasons = ", ".join(f"‘{texts[i]}’ {scores[i, column] / total:.0%}" for i in best)
        p = probabilities[column]
        rows.append((texts[token], "" if p is None else f"{p:.1%}", reasons))
    return rows


def _json(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"
