"""The component alone, on made-up numbers: `python -m components.neuron_factors.demo`. No model."""

from __future__ import annotations

import re
import zlib

import gradio as gr

from components.neuron_factors import NeuronFactors

TEXT = "Countries in Asia: Nepal, Thailand, India, Japan, China."
N_FACTORS, N_LAYERS = 6, 4


def made_up(text: str = TEXT, n_factors: int = N_FACTORS) -> dict:
    """A value for any text. The activations are checksums of the words: they look like an answer and mean nothing."""
    texts = re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text)
    tokens = [
        {"id": zlib.crc32(part.encode("utf-8")) % 1000, "text": part, "segment": "prompt", "special": False}
        for part in texts
    ]
    words = sorted(set(texts), key=_made_up)
    return {
        "kind": "neuron_factors",
        "tokens": tokens,
        "factors": [
            {
                "number": f + 1,
                "share": 0.35 * 0.7**f,
                "values": [None, *(round(_made_up(f"{f}{part}") ** 3, 4) for part in texts[1:])],
                "layers": _shares([_made_up(f"{f}-{layer}") for layer in range(N_LAYERS)]),
                "neurons": [
                    {"layer": n % N_LAYERS, "index": 100 * f + n, "weight": 1 / (n + 1), "tokens": [1, 3]}
                    for n in range(6)
                ],
                "promoted": [{"text": word, "weight": 2 / (i + 1)} for i, word in enumerate(words[:6])],
                "suppressed": [{"text": word, "weight": -1 / (i + 1)} for i, word in enumerate(words[-6:])],
                "ablation": {
                    "about": "After the last token, with the factor's neurons set to zero.",
                    "before": [{"text": word, "p": 0.6 * 0.5**i} for i, word in enumerate(words[:5])],
                    "after": [{"text": word, "p": 0.3 * 0.8**i} for i, word in enumerate(words[:5])],
                    "text_before": " and so on.",
                    "text_after": " and so forth.",
                },
            }
            for f in range(n_factors)
        ],
        "layer_labels": [f"layer {layer}" for layer in range(1, N_LAYERS + 1)],
        "state": "",
        "notes": ["These numbers are made up from the letters of the text. No model was asked."],
        "badges": [{"label": "Model", "text": "none"}],
    }


def _shares(values: list[float]) -> list[float]:
    return [value / sum(values) for value in values]


def _made_up(text: str) -> float:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % 1000 / 1000


def build() -> gr.Blocks:
    """A page with one figure."""
    with gr.Blocks(title="NeuronFactors") as demo:
        NeuronFactors(made_up())
    return demo


if __name__ == "__main__":
    build().launch()
