"""FIGURES: how each analysis is drawn. To add one, write its file beside these and name it here, by its analysis."""

from __future__ import annotations

import importlib

from spaces_app.errors import NotSupported
from spaces_app.figures.base import Figure, no_picture
from spaces_app.figures.still.drawing import Drawing
from spaces_app.results import Result

# The file of each analysis's figure.
FILES = {
    "attribution": "token_heatmap",
    "comparison": "comparison",
    "contrastive": "contrastive",
    "context_reliance": "context_reliance",
    "neuron_factors": "neuron_factors",
    "layers": "layer_grid",
    "knowledge": "knowledge",
    "neurons": "neurons",
    "similarity": "similarity",
}

FIGURES: dict[str, Figure] = {
    name: importlib.import_module(f"spaces_app.figures.{file}").FIGURE for name, file in FILES.items()
}


def figure_of(analysis: str) -> Figure:
    """The figure of an analysis. Raises NotSupported for one that has none."""
    if analysis not in FIGURES:
        raise NotSupported(f"{analysis} has no figure.", hint="Save it as JSON or CSV.")
    return FIGURES[analysis]


def figure_value(result: Result, *, view: str = "", origin: str = "") -> dict:
    """What the result's component draws. Raises NotSupported for an analysis without a figure."""
    return figure_of(result.spec.kind).value(result, state=view, origin=origin)


def figure_for(value: dict) -> Figure | None:
    """A figure whose component draws this value, by the value's kind; None where there is none."""
    return next((figure for figure in FIGURES.values() if figure.component == value.get("kind")), None)


def drawing(value: dict) -> Drawing:
    """The still picture of a figure's value. Raises NotSupported for a kind that has none."""
    figure = figure_for(value)
    if figure is None:
        raise no_picture(value)
    return figure.still(value)


__all__ = ["FIGURES", "Figure", "drawing", "figure_for", "figure_of", "figure_value"]
