"""METHODS: every attribution method. To add one, write its file beside these and name its record here."""

from spaces_app.methods.attention import ATTENTION
from spaces_app.methods.base import (
    AGGREGATIONS,
    BASELINES,
    COMBINATIONS,
    REDUCTIONS,
    REMOVALS,
    UNITS,
    Answer,
    Ask,
    Load,
    Method,
    reduction,
)
from spaces_app.methods.gradient import INPUT_X_GRADIENT, SALIENCY
from spaces_app.methods.integrated import INTEGRATED_GRADIENTS
from spaces_app.methods.perturbation import OCCLUSION

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        SALIENCY,
        INPUT_X_GRADIENT,
        INTEGRATED_GRADIENTS,
        OCCLUSION,
        ATTENTION,
    )
}

__all__ = [
    "AGGREGATIONS",
    "BASELINES",
    "COMBINATIONS",
    "METHODS",
    "REDUCTIONS",
    "REMOVALS",
    "UNITS",
    "Answer",
    "Ask",
    "Load",
    "Method",
    "reduction",
]
