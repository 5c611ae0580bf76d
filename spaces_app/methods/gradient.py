"""Gradient methods: how the score moves with each input embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


def saliency(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """|∂ score / ∂ embedding|, reduced over hidden units. Unsigned: how strongly, not in which direction."""
    return AttributionScores(
        run.collect((steps, request.reduce(gradient.abs())) for steps, gradient in run.gradients(request.score))
    )


def input_x_gradient(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """embedding · ∂ score / ∂ embedding: what the token would contribute if the model were linear."""
    parts = (
        (steps, request.reduce(gradient * run.embeds[: gradient.shape[1]]))
        for steps, gradient in run.gradients(request.score)
    )
    return AttributionScores(run.collect(parts))


def _cost(inputs: CostInputs) -> float:
    return inputs.once


SALIENCY = Method(
    name="saliency",
    label="Saliency",
    family="gradient",
    description="How strongly the target reacts to a small change of each token.",
    source="https://arxiv.org/abs/1312.6034",
    signed=False,
    complete=False,
    options=("step_function", "aggregation"),
    attribute=saliency,
    cost=_cost,
)

INPUT_X_GRADIENT = Method(
    name="input_x_gradient",
    label="Input × gradient",
    family="gradient",
    description="Each token's share in the target if the model were linear; positive supports it, negative opposes it.",
    source="https://arxiv.org/abs/1412.6815",
    signed=True,
    complete=False,
    options=("step_function", "aggregation"),
    attribute=input_x_gradient,
    cost=_cost,
)
