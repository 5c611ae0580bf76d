"""DeepLIFT, which on transformers is (embedding − baseline) · gradient but for the simplest activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


def deeplift(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """(embedding − baseline) · multiplier, with the rescale rule at activations that are modules of their own.

    The rule reaches ReLU, ELU, leaky ReLU, sigmoid, tanh and softplus, as in captum. Attention, norms, gates and GELU
    keep their gradient, so that on most models this is (embedding − baseline) · gradient, and shares do not add up.
    """
    from spaces_app.engine.backward.rescale import rescaled

    baseline = run.baseline(request.baseline)
    change = run.embeds - baseline
    parts = run.gradients(request.score, around=rescaled(run, baseline))
    return AttributionScores(
        run.collect((steps, request.reduce(part * change[: part.shape[1]])) for steps, part in parts)
    )


def _cost(inputs: CostInputs) -> float:
    return inputs.forward + inputs.once


DEEPLIFT = Method(
    name="deeplift",
    label="DeepLIFT",
    family="gradient",
    description="Gradient times the change from an empty input; activations rescaled where the model has simple ones.",
    source="https://arxiv.org/abs/1704.02685",
    signed=True,
    complete=False,
    options=("step_function", "aggregation", "baseline"),
    attribute=deeplift,
    cost=_cost,
)
