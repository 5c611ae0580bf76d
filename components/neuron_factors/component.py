"""NeuronFactors as a Gradio component."""

from __future__ import annotations

from ..figure.component import Figure
from .assets import ASSETS


class NeuronFactors(Figure):
    """A sparkline for each factor beside the text; a factor colours the tokens, a token marks all factors.

    The value is the dict that `spaces_app.figures.neuron_factors` makes (or None for an empty figure). The `select`
    event fires when a visitor pins a factor or a token: `evt.index` is its number, `evt.value` its text.
    """

    assets = ASSETS
