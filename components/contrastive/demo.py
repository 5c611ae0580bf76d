"""The component alone, on made-up numbers: `python -m components.contrastive.demo`. No model."""

from __future__ import annotations

import zlib

import gradio as gr

from ..figure.demo import foot, packed, page, tokens_of, words
from . import ContrastMap

PROMPT, OUTPUT, FOIL = "The keys to the cabinet", " are on the kitchen table.", " is"
OTHERS = (" are", " is", " were", " was", " look", " in", " of", " have", " and", " lay")
N_LAYERS = 6


def made_up(prompt: str = PROMPT, output: str = OUTPUT, foil: str = FOIL) -> dict:
    """A value for any texts. The scores are checksums of the words: they look like an answer and mean nothing."""
    texts = [words(text) for text in (prompt, output)]
    tokens = tokens_of(zip(("prompt", "generated"), texts, strict=True))
    n, first = len(tokens), len(texts[0])
    columns = range(first, n)
    cells = {
        kind: [_made_up(tokens[i]["text"] + kind) if i < g else float("nan") for i in range(n) for g in columns]
        for kind in "ab"
    }
    cells["difference"] = [a - b for a, b in zip(cells["a"], cells["b"], strict=True)]
    top = [{"id": i, "text": text, "p": 0.6 * 0.55**i} for i, text in enumerate((texts[1][0], *OTHERS[1:]))]
    chosen = {"id": 0, "text": texts[1][0], "p": 0.6}
    other = next((choice for choice in top if choice["text"] == foil), {"id": -1, "text": foil, "p": 0.001})
    rest = [None] * (len(columns) - 1)
    curves = {"p_a": (0.02, 0.58), "p_b": (0.1, 0.23), "rank_a": (40, -39), "rank_b": (8, -6)}
    return {
        "kind": "contrastive",
        "tokens": tokens,
        "groups": {"word": list(range(n)), "sentence": [0] * n},
        "generated": list(columns),
        "scores": {kind: packed(n, len(columns), values) for kind, values in cells.items()},
        "compared": [0],
        "a": [chosen, *rest],
        "b": [other, *rest],
        "top": [top, *([] for _ in rest)],
        "layers": {"labels": list(range(N_LAYERS))}
        | {
            name: packed(
                N_LAYERS,
                len(columns),
                [start + rise * layer / (N_LAYERS - 1) for layer in range(N_LAYERS) for _ in columns],
            )
            for name, (start, rise) in curves.items()
        },
        "method": "made up",
        "unit": "no unit",
    } | foot("Method", "made up")


def _made_up(text: str) -> float:
    return (zlib.crc32(text.encode("utf-8", "surrogatepass")) % 2000 - 1000) / 1000


def build() -> gr.Blocks:
    """A page with one figure."""
    return page(ContrastMap, made_up())


if __name__ == "__main__":
    build().launch()
