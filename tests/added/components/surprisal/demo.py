"""The component alone, on made-up numbers: `python -m components.surprisal.demo`. No model."""

from __future__ import annotations

import gradio as gr

from components.figure.demo import foot, number, page, tokens_of, words
from components.surprisal import Surprisal

TEXT = "The keys to the cabinet are on the kitchen table."


def made_up(text: str = TEXT) -> dict:
    """A value for any text. The values are checksums of the words: they look like an answer and mean nothing."""
    written = words(text)
    values = [10 * number(word) for word in written]
    tokens = tokens_of([("generated", written)])
    return {"kind": "surprisal", "tokens": tokens, "values": values, "unit": "bits"} | foot("Model", "none")


def build() -> gr.Blocks:
    """A page with one figure."""
    return page(Surprisal, made_up())


if __name__ == "__main__":
    build().launch()
