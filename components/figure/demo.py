"""What the demos of the components share: numbers made up from the letters of a text, and a page with one figure.

Scores are checksums: they look like an answer and mean nothing. Importing this does not import Gradio.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

    from .component import Figure

NOTE = "These numbers are made up from the letters of the text. No model was asked."


def words(text: str) -> list[str]:
    """Words and marks with the spaces before them; joined they give the text."""
    return re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text)


def tokens_of(parts: Iterable[tuple[str, Sequence[str]]]) -> list[dict]:
    """Tokens as figures take them, from (segment, texts) pairs."""
    return [
        {"id": zlib.crc32(text.encode("utf-8")) % 1000, "text": text, "segment": segment, "special": False}
        for segment, texts in parts
        for text in texts
    ]


def number(text: str) -> float:
    """A number from 0 to 1 that is always the same for a text."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % 1000 / 1000


def packed(rows: int, cols: int, values: Sequence[float]) -> dict:
    """A matrix by rows as base64 of little-endian float32, as figures take it."""
    data = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")
    return {"rows": rows, "cols": cols, "f32": data}


def foot(label: str, text: str) -> dict:
    """What stands below a figure that is made up, and no look asked for by a link."""
    return {"state": "", "notes": [NOTE], "badges": [{"label": label, "text": text}]}


def page(component: type[Figure], value: dict) -> gr.Blocks:
    """A page with one figure."""
    import gradio as gr

    with gr.Blocks(title=component.__name__) as demo:
        component(value)
    return demo
