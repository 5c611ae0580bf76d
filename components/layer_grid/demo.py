"""The component alone, on made-up numbers: `python -m components.layer_grid.demo`. No model."""

from __future__ import annotations

import base64
import re
import struct
import zlib

import gradio as gr

from components.layer_grid import LayerGrid

TEXT = "The keys to the cabinet are on the kitchen table."
N_LAYERS = 7


def made_up(text: str = TEXT) -> dict:
    """A value for any text. The values are checksums of the words: they look like an answer and mean nothing."""
    names = re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text)
    cells = [(layer, name) for layer in range(N_LAYERS) for name in names]
    p = [((layer + 1) / N_LAYERS) ** 2 * _made_up(name) for layer, name in cells]
    rank = [max(1.0, round(200 * (1 - value) ** 3)) for value in p]
    top = [[[[other, 0.5 * _made_up(other + name)] for other in names[:5]] for name in names] for _ in range(N_LAYERS)]
    return {
        "kind": "layer_grid",
        "rows": {"label": "Layer", "names": ["embeddings", *(f"layer {i}" for i in range(1, N_LAYERS))]},
        "cols": {"label": "Token", "names": names},
        "matrices": [
            {"name": "rank", "label": "Rank", "scale": "rank", **_packed(N_LAYERS, len(names), rank)},
            {"name": "p", "label": "Probability", "unit": "probability", **_packed(N_LAYERS, len(names), p)},
        ],
        "top": top,
        "upward": True,
        "selected": [N_LAYERS - 1, 5],
        "state": "",
        "notes": ["These numbers are made up from the letters of the text. No model was asked."],
        "badges": [{"label": "Model", "text": "none"}],
    }


def _packed(rows: int, cols: int, values: list[float]) -> dict:
    data = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")
    return {"rows": rows, "cols": cols, "f32": data}


def _made_up(text: str) -> float:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % 1000 / 1000


def build() -> gr.Blocks:
    """A page with one figure."""
    with gr.Blocks(title="LayerGrid") as demo:
        LayerGrid(made_up())
    return demo


if __name__ == "__main__":
    build().launch()
