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
    AttributionRequest,
    AttributionScores,
    CostInputs,
    Load,
    Method,
    check_method,
    reduction,
)
from spaces_app.methods.deeplift import DEEPLIFT
from spaces_app.methods.discretized import DISCRETIZED_INTEGRATED_GRADIENTS
from spaces_app.methods.gradient import INPUT_X_GRADIENT, SALIENCY
from spaces_app.methods.gradient_shap import GRADIENT_SHAP
from spaces_app.methods.integrated import INTEGRATED_GRADIENTS
from spaces_app.methods.layers import LAYER_GRADIENT_X_ACTIVATION, LAYER_INTEGRATED_GRADIENTS
from spaces_app.methods.lime import LIME
from spaces_app.methods.perturbation import OCCLUSION
from spaces_app.methods.reagent import REAGENT
from spaces_app.methods.relevance import ATTNLRP
from spaces_app.methods.sequential import SEQUENTIAL_INTEGRATED_GRADIENTS
from spaces_app.methods.shapley import KERNEL_SHAP, SHAPLEY_SAMPLING
from spaces_app.methods.values import ATTENTION_NORM, VALUE_ZEROING

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        SALIENCY,
        INPUT_X_GRADIENT,
        INTEGRATED_GRADIENTS,
        GRADIENT_SHAP,
        DISCRETIZED_INTEGRATED_GRADIENTS,
        SEQUENTIAL_INTEGRATED_GRADIENTS,
        DEEPLIFT,
        LAYER_GRADIENT_X_ACTIVATION,
        LAYER_INTEGRATED_GRADIENTS,
        OCCLUSION,
        LIME,
        KERNEL_SHAP,
        SHAPLEY_SAMPLING,
        REAGENT,
        ATTENTION,
        ATTENTION_NORM,
        VALUE_ZEROING,
        ATTNLRP,
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
    "AttributionScores",
    "AttributionRequest",
    "CostInputs",
    "Load",
    "Method",
    "check_method",
    "reduction",
]
