"""Integrated gradients: gradients gathered along the straight line from a baseline to the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass


def gauss_legendre(n_steps: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights on [0, 1] that integrate polynomials up to degree 2·n_steps − 1 exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    return tuple(((nodes + 1) / 2).tolist()), tuple((weights / 2).tolist())


def integrated_gradients(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """(embedding − baseline) · mean gradient along the line between them.

    Sums to score(input) − score(baseline); `convergence_gap` is what the n_steps points miss of that.
    """
    baseline = run.baseline(request.baseline)
    change = run.embeds - baseline  # (n_inputs, D)
    parts = run.gradients(request.score, path=(baseline, *gauss_legendre(request.n_steps)))
    scores, totals = summed_up(run, request, ((steps, part * change[: part.shape[1]]) for steps, part in parts))
    explained = rise(run, request, baseline)
    return AttributionScores(
        scores, explained=tuple(explained.tolist()), convergence_gap=tuple((totals - explained).tolist())
    )


def summed_up(
    run: ForcedPass, request: AttributionRequest, parts: Iterable[tuple[slice, Tensor]]
) -> tuple[Tensor, np.ndarray]:
    """(scores (G, n_inputs, …), their sums (G,) before reduction) of shares (g, n, D) that come in chunks."""
    totals: list[float] = []

    def reduced() -> Iterator[tuple[slice, Tensor]]:
        for steps, shares in parts:
            totals.extend(shares.sum((-2, -1)).tolist())
            yield steps, request.reduce(shares)

    scores = run.collect(reduced())
    return scores, np.array(totals)


def rise(run: ForcedPass, request: AttributionRequest, baseline: Tensor) -> np.ndarray:
    """score(input) − score(baseline) of every target. (G,)"""
    nothing_kept = np.zeros((1, run.n_inputs), dtype=bool)
    there, absent = run.scores(request.score), run.replaced(request.score, nothing_kept, baseline)[0]
    return np.array(there.tolist()) - np.array(absent.tolist())


def _cost(inputs: CostInputs) -> float:
    return 2 * inputs.forward + inputs.n_steps * inputs.gradients


INTEGRATED_GRADIENTS = Method(
    name="integrated_gradients",
    label="Integrated gradients",
    family="gradient",
    description="Splits the target's rise from an empty input to this one among the tokens; shares add up.",
    source="https://arxiv.org/abs/1703.01365",
    signed=True,
    complete=True,
    options=("step_function", "aggregation", "baseline", "n_steps"),
    attribute=integrated_gradients,
    cost=_cost,
)
