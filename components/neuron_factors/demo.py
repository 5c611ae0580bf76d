"""The component alone, on made-up numbers: `python -m components.neuron_factors.demo`. No model."""

from __future__ import annotations

import gradio as gr

from ..figure.demo import foot, number, page, tokens_of, words
from . import NeuronFactors

TEXT = "Countries in Asia: Nepal, Thailand, India, Japan, China."
N_FACTORS, N_LAYERS = 6, 4


def made_up(text: str = TEXT, n_factors: int = N_FACTORS) -> dict:
    """A value for any text. The activations are checksums of the words: they look like an answer and mean nothing."""
    texts = words(text)
    tokens = tokens_of([("prompt", texts)])
    others = sorted(set(texts), key=number)
    return {
        "kind": "neuron_factors",
        "tokens": tokens,
        "factors": [
            {
                "number": f + 1,
                "share": 0.35 * 0.7**f,
                "values": [None, *(round(number(f"{f}{part}") ** 3, 4) for part in texts[1:])],
                "layers": _shares([number(f"{f}-{layer}") for layer in range(N_LAYERS)]),
                "neurons": [
                    {"layer": n % N_LAYERS, "index": 100 * f + n, "weight": 1 / (n + 1), "tokens": [1, 3]}
                    for n in range(6)
                ],
                "promoted": [{"text": word, "weight": 2 / (i + 1)} for i, word in enumerate(others[:6])],
                "suppressed": [{"text": word, "weight": -1 / (i + 1)} for i, word in enumerate(others[-6:])],
                "ablation": {
                    "about": "After the last token, with the factor's neurons set to zero.",
                    "before": [{"text": word, "p": 0.6 * 0.5**i} for i, word in enumerate(others[:5])],
                    "after": [{"text": word, "p": 0.3 * 0.8**i} for i, word in enumerate(others[:5])],
                    "text_before": " and so on.",
                    "text_after": " and so forth.",
                },
            }
            for f in range(n_factors)
        ],
        "layer_labels": [f"layer {layer}" for layer in range(1, N_LAYERS + 1)],
    } | foot("Model", "none")


def _shares(values: list[float]) -> list[float]:
    return [value / sum(values) for value in values]


def build() -> gr.Blocks:
    """A page with one figure."""
    return page(NeuronFactors, made_up())


if __name__ == "__main__":
    build().launch()
