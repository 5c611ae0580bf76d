"""The component alone, on made-up numbers: `python -m components.token_heatmap.demo`. No model, nothing of Seqscope."""

from __future__ import annotations

import zlib

import gradio as gr

from ..figure.demo import foot, packed, tokens_of, words
from . import TokenHeatmap

PROMPT, OUTPUT = "The keys to the cabinet", " are on the kitchen table."


def made_up(prompt: str, output: str, *, signed: bool = False) -> dict:
    """A value for any text. The scores are checksums of the tokens: they look like an answer and mean nothing."""
    texts = [words(text) for text in (prompt, output)]
    tokens = tokens_of(zip(("prompt", "generated"), texts, strict=True))
    n, first = len(tokens), len(texts[0])
    scores = [
        _made_up_score(tokens[i]["text"], tokens[g]["text"], signed) if i < g else float("nan")
        for i in range(n)
        for g in range(first, n)
    ]
    return {
        "kind": "token_heatmap",
        "tokens": tokens,
        "groups": {"word": list(range(n)), "sentence": [0] * first + [1] * (n - first)},
        "generated": list(range(first, n)),
        "scores": packed(n, n - first, scores),
        "signed": signed,
        "method": "made up",
        "target": "nothing",
        "unit": "no unit",
        "merge": "sum",
        "steps": {"probability": [_unit_interval(token["text"]) for token in tokens[first:]]},
        "step_labels": {"probability": {"label": "Probability", "unit": ""}},
        "selected": [0, 0],
        "origin": "computed",
    } | foot("Data", "made up")


def _unit_interval(text: str) -> float:
    return round(zlib.crc32(text.encode("utf-8")) % 997 / 997, 4)


def _made_up_score(source: str, target: str, signed: bool) -> float:
    size = _unit_interval(source + "→" + target) ** 3
    return -size if signed and zlib.crc32((target + source).encode("utf-8")) % 4 == 0 else size


def build() -> gr.Blocks:
    """A page with the component, two texts and a switch."""
    with gr.Blocks(title="TokenHeatmap") as demo:
        gr.Markdown("# TokenHeatmap\nMade-up numbers, to try the component by itself.")
        with gr.Row():
            prompt = gr.Textbox(PROMPT, label="Prompt")
            output = gr.Textbox(OUTPUT, label="Output")
            signed = gr.Checkbox(False, label="Signed scores")
        heatmap = TokenHeatmap(made_up(PROMPT, OUTPUT), elem_id="heatmap")
        inputs = [prompt, output, signed]
        gr.Button("Draw").click(
            lambda p, o, s: made_up(p, o, signed=s), inputs, heatmap, show_progress="hidden", api_visibility="private"
        )
    return demo


if __name__ == "__main__":
    build().launch()
