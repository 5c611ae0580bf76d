"""Surprisal as a Gradio component."""

from __future__ import annotations

from components.figure.component import Figure
from components.surprisal.assets import ASSETS


class Surprisal(Figure):
    """A bar for each token that was written. The value is the dict that `spaces_app.figures.surprisal` makes."""

    assets = ASSETS
