"""ContrastMap as a Gradio component."""

from __future__ import annotations

from ..figure.component import Figure
from .assets import ASSETS


class ContrastMap(Figure):
    """Why A rather than B: a signed map of the text, what else might have been written, and both through the layers.

    The value is the dict that `spaces_app.figures.contrastive` makes (or None for an empty figure). The `ask` event
    fires when a visitor makes another word B or swaps the two: `evt._data` has `ask` ("contrast" or "swap"),
    `column`, the token's `id` and its `text`.
    """

    assets = ASSETS
