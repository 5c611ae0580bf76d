"""Gradient SHAP: gradients at random points between a baseline and the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.integrated import rise, summed_up

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass


def gradient_shap(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """Mean of (embedding − baseline) · gradient at n_samples random points of the line between them.

    With noise, the end of each sample's line is the input with normal noise of that standard deviation. All targets
    share the draws: for each of them they are as random as draws of its own. Adds up to score(input) −
    score(baseline) on average; `convergence_gap` is what these draws miss of that.
    """
    from spaces_app.engine.backward.paths import Noisy

    baseline, n = run.baseline(request.baseline), request.n_samples
    nodes, noise = draws(n, request.seed)
    weights = (1 / n,) * n
    if not request.noise:
        parts = run.gradients(request.score, path=(baseline, nodes, weights))
        change = run.embeds - baseline
        shares: Iterator[tuple[slice, Tensor]] = (
            (steps, gradient * change[: gradient.shape[1]]) for steps, gradient in parts
        )
    else:
        differs = (run.embeds != baseline).any(-1)[:, None]  # what is not attributed keeps its embedding

        def moved(index: int) -> Tensor:
            return run.embeds.new_tensor(request.noise * noise(index, run.embeds.shape)) * differs

        shares = run.gradients(request.score, path=Noisy(baseline, nodes, weights, moved))
    scores, totals = summed_up(run, request, shares)
    explained = rise(run, request, baseline)
    return AttributionScores(
        scores, explained=tuple(explained.tolist()), convergence_gap=tuple((totals - explained).tolist())
    )


def draws(n_samples: int, seed: int) -> tuple[tuple[float, ...], Callable]:
    """Where on the line each sample stands, uniformly from 0 to 1; and noise(index, shape), standard normal.

    Each sample's noise has a seed of its own, so that it can be drawn again instead of kept.
    """

    def noise(index: int, shape: tuple[int, ...]) -> np.ndarray:
        return np.random.default_rng((seed, index)).standard_normal(tuple(shape), dtype=np.float32)

    return tuple(np.random.default_rng(seed).uniform(0.0, 1.0, n_samples).tolist()), noise


def _cost(inputs: CostInputs) -> float:
    return 2 * inputs.forward + inputs.n_samples * inputs.gradients


GRADIENT_SHAP = Method(
    name="gradient_shap",
    label="Gradient SHAP",
    family="gradient",
    description="Integrated gradients at random points instead of even ones; shares add up on average.",
    source="https://arxiv.org/abs/1705.07874",
    signed=True,
    complete=True,
    options=("step_function", "aggregation", "baseline", "n_samples", "noise", "seed"),
    attribute=gradient_shap,
    cost=_cost,
)
