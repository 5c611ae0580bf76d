"""LayerGrid as a Gradio component."""

from __future__ import annotations

from typing import Any

from ..figure.component import Figure
from .assets import ASSETS


class LayerGrid(Figure):
    """A grid of named rows and columns on canvas: layers by tokens, neurons by tokens, layers by layers.

    The value is the dict that `spaces_app.figures.layer_grid` makes (or None for an empty figure). The `select` event
    fires when a visitor picks a cell: `evt.index` is [row, column], `evt.value` the column's name.
    """

    assets = ASSETS

    def process_example(self, value: Any, cache_dir: str | None = None) -> str:
        return ""
