"""Sequential integrated gradients: a line of its own for every token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.integrated import gauss_legendre, summed_up

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass


def sequential_integrated_gradients(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """(embedding − baseline) · mean gradient while this token alone moves from its baseline, the others as they are.

    Each token's share, summed over hidden units, is what the score falls by when the token is replaced.
    """
    from spaces_app.engine.backward.paths import OneByOne

    baseline = run.baseline(request.baseline)
    rows = tuple((run.embeds != baseline).any(-1).nonzero()[:, 0].tolist())
    if not rows:
        parts: Iterator[tuple[slice, Tensor]] = (
            (steps, gradient * 0) for steps, gradient in run.gradients(request.score)
        )
    else:
        parts = run.gradients(request.score, path=OneByOne(baseline, rows, *gauss_legendre(request.n_steps)))
    return AttributionScores(summed_up(run, request, parts)[0])


def _cost(inputs: CostInputs) -> float:
    return (inputs.n_source + inputs.n_decoder) * inputs.n_steps * inputs.gradients


SEQUENTIAL_INTEGRATED_GRADIENTS = Method(
    name="sequential_integrated_gradients",
    label="Sequential integrated gradients",
    family="gradient",
    description="Integrated gradients token by token, every other token in place: a text always stays a text but one.",
    source="https://arxiv.org/abs/2305.15853",
    signed=True,
    complete=False,
    options=("step_function", "aggregation", "baseline", "n_steps"),
    attribute=sequential_integrated_gradients,
    cost=_cost,
)
