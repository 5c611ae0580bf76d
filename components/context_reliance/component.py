"""ContextReliance as a Gradio component."""

from __future__ import annotations

from ..figure.component import Figure
from .assets import ASSETS


class ContextReliance(Figure):
    """A context beside an answer: words that depend on the context are underlined, and point to their cues.

    The value is the dict that `spaces_app.figures.context_reliance` makes (or None for an empty figure); the README of
    the folder of components lists its keys. The `select` event fires when a visitor pins a word of the answer:
    `evt.index` is [first, last] column, `evt.value` the text.
    """

    assets = ASSETS
