"""The component's script and style as text, for the app and for stand-alone pages. Imports nothing, Gradio included."""

from __future__ import annotations

import base64
import json
import zlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SCRIPTS = ("model.js", "words.js", "palette.js", "parts.js", "flow.js", "matrix.js", "script.js")
ROOT_CLASS = "seqscope-heatmap"


@lru_cache(maxsize=1)
def script() -> str:
    """Plain JavaScript that defines `Seqscope.tokenHeatmap` (see README.md), once however often it runs."""
    body = "\n".join(_slim(name) for name in SCRIPTS)
    return (
        "window.Seqscope = window.Seqscope || {};\n"
        "window.Seqscope.tokenHeatmap = window.Seqscope.tokenHeatmap || (function () {\n"
        '"use strict";\n' + body + "\nreturn { mount, parseState, formatState };\n})();\n"
    )


@lru_cache(maxsize=1)
def style() -> str:
    """Plain CSS; every selector begins with the class of the figure's root element."""
    return _slim("style.css")


@lru_cache(maxsize=1)
def packed() -> str:
    """Script and style as base64 of raw deflate of a JSON pair, for pages that are sent uncompressed.

    Gradio repeats a component's script for each instance and does not compress the page: as they are, the two
    would take 60 KB for each of an app's figures, packed they take 23 KB.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    pair = json.dumps([script(), style()], ensure_ascii=False).encode("utf-8")
    return base64.b64encode(deflate.compress(pair) + deflate.flush()).decode("ascii")


def _slim(name: str) -> str:
    """A file without indentation, blank lines and whole-line comments: about a quarter less to send.

    Lines are kept apart and never joined, so this is safe for any file without multi-line strings; a test checks
    that there are none.
    """
    lines = (line.strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())
    comment = ("//", "/*")
    return "\n".join(line for line in lines if line and not line.startswith(comment))
