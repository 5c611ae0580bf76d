"""Discretized integrated gradients: a path that stays near the embeddings of real words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.integrated import rise, summed_up

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


NEIGHBOURS = 50  # words a path may go on to, as in the paper


def discretized_integrated_gradients(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """Gradients along a path from baseline to input whose points lie near words, each times the way to the next point.

    Every unit moves one way only. Sums to score(input) − score(baseline) up to `convergence_gap`; n_steps counts the
    points, both ends included.
    """
    from spaces_app.engine.backward.paths import Bent
    from spaces_app.engine.backward.word_paths import path_of

    baseline = run.baseline(request.baseline)
    points = path_of(run, baseline, n_points=request.n_steps, n_neighbours=NEIGHBOURS)
    scores, totals = summed_up(run, request, run.gradients(request.score, path=Bent(points)))
    explained = rise(run, request, baseline)
    return AttributionScores(
        scores, explained=tuple(explained.tolist()), convergence_gap=tuple((totals - explained).tolist())
    )


def _cost(inputs: CostInputs) -> float:
    # Every step of the way compares each token with the whole vocabulary, as the head does.
    compared = (inputs.n_source + inputs.n_decoder) * (inputs.n_steps - 2) * inputs.head_row
    return 2 * inputs.forward + (inputs.n_steps - 1) * inputs.gradients + compared


DISCRETIZED_INTEGRATED_GRADIENTS = Method(
    name="discretized_integrated_gradients",
    label="Discretized integrated gradients",
    family="gradient",
    description="Integrated gradients along a path of real words instead of a straight line; shares add up roughly.",
    source="https://arxiv.org/abs/2108.13654",
    signed=True,
    complete=True,
    options=("step_function", "aggregation", "baseline", "n_steps"),
    attribute=discretized_integrated_gradients,
    cost=_cost,
)
