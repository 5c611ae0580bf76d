"""LIME: a linear model of the score, fitted to random removals near the input. Forward passes only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.coalitions import answer, everything, removing

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


KEPT = 0.5  # chance of each feature to stay, as in captum's default_perturb_func
WIDTH = 0.25  # of the kernel, as in the authors' own code for text
RIDGES = (1e-9, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)  # strengths tried, relative to the largest squared singular value


def lime(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """The coefficients of a ridge regression of the score on which features stay, weighted by nearness to the input.

    Nearness is exp(−d² / 2·WIDTH²) with d the cosine distance of the coalition from the whole, captum's exponential
    kernel. All targets share the draws: independent draws for all features are independent draws for the first few.
    The ridge of each target is the one with the smallest leave-one-out error. Where all coalitions are no more than
    n_samples, all are taken. Otherwise the first of them is the input itself.
    """
    features, score = removing(run, request)
    coefficients = np.zeros((run.n_generated, features.count))
    if features.count:
        masks = draws(features.count, request.n_samples, request.seed)
        values = score(masks)
        for target, seen in enumerate(features.seen):
            if seen:
                weights = nearness(masks[:, :seen])
                coefficients[target, :seen] = ridge(masks[:, :seen], values[:, target], weights)[0]
    return answer(run, request, features, coefficients)


def draws(n_features: int, n_samples: int, seed: int) -> np.ndarray:
    """Coalitions in which each feature stays with probability KEPT. (n_samples, m) bool; all of them when no more."""
    if 2.0**n_features <= n_samples:
        return everything(n_features)
    masks = np.random.default_rng(seed).random((n_samples, n_features)) < KEPT
    masks[0] = True
    return masks


def nearness(masks: np.ndarray) -> np.ndarray:
    """Weights of coalitions (R, m) by their cosine distance from the whole. (R,)"""
    distance = 1 - np.sqrt(masks.mean(1))
    return np.exp(-(distance**2) / (2 * WIDTH**2))


def ridge(
    masks: np.ndarray, values: np.ndarray, weights: np.ndarray, strengths: Sequence[float] | None = None
) -> tuple[np.ndarray, float]:
    """(coefficients (m,), strength) minimizing Σ w (y − b − z·β)² + strength·|β|² with a free intercept b.

    Of several strengths the one with the smallest leave-one-out error; None tries RIDGES.
    """
    share = weights / weights.sum()
    root = np.sqrt(weights)
    center, middle = share @ masks, share @ values
    left, scale, right = np.linalg.svd(root[:, None] * (masks - center), full_matrices=False)
    target = root * (values - middle)
    if strengths is None:
        strengths = [relative * max(float(scale[0]) ** 2, 1e-12) for relative in RIDGES]
    rotated = left.T @ target
    outside = target - left @ rotated
    errors = []
    for strength in strengths:
        lost = strength / (scale**2 + strength)
        own = share + (left**2) @ (1 - lost)  # a row's weight in its own prediction
        missed = (outside + left @ (lost * rotated)) / np.maximum(1 - own, 1e-15)
        errors.append(float(missed @ missed))
    strength = strengths[int(np.argmin(errors))]
    return right.T @ (scale / (scale**2 + strength) * rotated), strength


def _cost(inputs: CostInputs) -> float:
    return inputs.n_samples * inputs.forward


LIME = Method(
    name="lime",
    label="LIME",
    family="perturbation",
    description="Takes random parts away many times and fits how much each token, word or sentence adds on average.",
    source="https://arxiv.org/abs/1602.04938",
    signed=True,
    complete=False,
    options=("step_function", "baseline", "n_samples", "window", "removal", "seed"),
    attribute=lime,
    cost=_cost,
)
