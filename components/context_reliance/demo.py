"""The component alone, on made-up numbers: `python -m components.context_reliance.demo`. No model."""

from __future__ import annotations

import gradio as gr

from ..figure.demo import foot, number, packed, page, tokens_of, words
from . import ContextReliance

CONTEXT = "George was very sick yesterday. The sun was shining all day long."
QUERY, ANSWER, OTHER = "Later he drove to the", " hospital with his sister.", " market with his sister."


def made_up(context: str = CONTEXT, query: str = QUERY, answer: str = ANSWER, other: str = OTHER) -> dict:
    """A value for any texts. The scores are checksums of the words: they look like an answer and mean nothing."""
    parts = [words(text) for text in (context, query, answer)]
    tokens = tokens_of(zip(("prompt", "prompt", "generated"), parts, strict=True))
    n_context, n_answer = len(parts[0]), len(parts[2])
    start = len(tokens) - n_answer
    part = [number(token["text"]) ** 3 for token in tokens[start:]]
    cues = [number(c + a) ** 4 for c in parts[0] for a in parts[2]]
    ends = [i for i, text in enumerate(parts[0]) if text == "."] or [n_context - 1]
    spans = [[first, last] for first, last in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
    others = words(other)
    return {
        "kind": "context_reliance",
        "tokens": tokens,
        "groups": {"word": list(range(len(tokens)))},
        "generated": list(range(start, len(tokens))),
        "context": list(range(n_context)),
        "metrics": [
            {"name": "kl_divergence", "label": "KL divergence", "unit": "nats", "values": part, "least": 0.05},
            {"name": "pcxmi", "label": "P-CXMI", "unit": "bits", "values": [value * 2 for value in part], "least": 0.1},
        ],
        "scores": packed(n_context, n_answer, cues),
        "p_with": [0.3 + 0.6 * value for value in part],
        "p_without": [0.3 - 0.25 * value for value in part],
        "without": [
            {"start": i, "stop": i, "text": b, "same": a == b}
            for i, (a, b) in enumerate(zip(parts[2], others, strict=False))
        ],
        "sentences": {
            "spans": spans,
            "without": packed(len(spans), n_answer, [0.3 * number(f"{s}{a}") for s in spans for a in parts[2]]),
        },
        "defaults": {"metric": "kl_divergence", "sigma": 1, "cue": 1, "top": 0, "least": 0.05},
        "signed": False,
        "method": "made up",
        "unit": "no unit",
    } | foot("Method", "made up")


def build() -> gr.Blocks:
    """A page with one figure."""
    return page(ContextReliance, made_up())


if __name__ == "__main__":
    build().launch()
