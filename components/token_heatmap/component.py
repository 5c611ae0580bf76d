"""TokenHeatmap as a Gradio component."""

from __future__ import annotations

from ..figure.component import Figure
from .assets import ASSETS


class TokenHeatmap(Figure):
    """Prompt and generated tokens in one flow, coloured by what the selected ones rely on.

    The value is the dict that `spaces_app.figures.token_heatmap` makes (or None for an empty figure); the README of
    the folder of components lists its keys. The `select` event fires when a visitor pins tokens: `evt.index` is
    [first, last] column, `evt.value` their text. The `ask` event fires when one of the words that might have been
    written in place of the pinned one is clicked: `evt._data` has `ask` ("why_not"), `column`, `id` and `text`.
    """

    assets = ASSETS
