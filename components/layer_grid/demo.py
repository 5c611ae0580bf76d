"""The component alone, on made-up numbers: `python -m components.layer_grid.demo`. No model."""

from __future__ import annotations

import gradio as gr

from ..figure.demo import foot, number, packed, page, words
from . import LayerGrid

TEXT = "The keys to the cabinet are on the kitchen table."
N_LAYERS = 7


def made_up(text: str = TEXT) -> dict:
    """A value for any text. The values are checksums of the words: they look like an answer and mean nothing."""
    names = words(text)
    cells = [(layer, name) for layer in range(N_LAYERS) for name in names]
    p = [((layer + 1) / N_LAYERS) ** 2 * number(name) for layer, name in cells]
    rank = [max(1.0, round(200 * (1 - value) ** 3)) for value in p]
    top = [[[[other, 0.5 * number(other + name)] for other in names[:5]] for name in names] for _ in range(N_LAYERS)]
    return {
        "kind": "layer_grid",
        "rows": {"label": "Layer", "names": ["embeddings", *(f"layer {i}" for i in range(1, N_LAYERS))]},
        "cols": {"label": "Token", "names": names},
        "matrices": [
            {"name": "rank", "label": "Rank", "scale": "rank", **packed(N_LAYERS, len(names), rank)},
            {"name": "p", "label": "Probability", "unit": "probability", **packed(N_LAYERS, len(names), p)},
        ],
        "top": top,
        "upward": True,
        "selected": [N_LAYERS - 1, 5],
    } | foot("Model", "none")


def build() -> gr.Blocks:
    """A page with one figure."""
    return page(LayerGrid, made_up())


if __name__ == "__main__":
    build().launch()
