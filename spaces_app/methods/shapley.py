"""Shapley values: each feature's fair share in the score, estimated from coalitions. Forward passes only.

All targets share the coalitions, and each looks at the features before it. A game with fewer players has another
kernel, so coalitions drawn for all features are weighted anew for each target; random orders need no such care, since
the first few features of a random order are in random order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.coalitions import MASK_CELLS, Features, answer, everything, n_taken, removing

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


UNDECIDED = (
    "With {n} samples for {m} features, Kernel SHAP cannot tell all of them apart; what is undecided is divided evenly."
)


def kernel_shap(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """The linear model of the score that is exact for the whole and for nothing, and nearest by the Shapley kernel.

    Coalitions are drawn as in captum's KernelShap, each together with its complement. Where all coalitions are no more
    than n_samples, all are taken, and the values are exact.
    """
    features, score = removing(run, request)
    if not features.count:
        return _shares(run, request, features, np.zeros((run.n_generated, 0)), np.zeros(run.n_generated))
    all_of_them = 2.0**features.count <= request.n_samples
    masks = everything(features.count) if all_of_them else draws(features.count, request.n_samples, request.seed)
    values, explained = _fitted(run, features, masks, score(masks), drawn=not all_of_them)
    remarks: tuple[str, ...] = ()
    if not all_of_them and len(masks) - 2 < features.count - 1:
        remarks = (UNDECIDED.format(n=request.n_samples, m=features.count),)
    return _shares(run, request, features, values, explained, remarks)


def shapley_sampling(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """What a feature adds when it joins the ones before it in a random order, averaged over n_samples orders.

    Orders come in pairs, one the reverse of the other. Where n_samples orders would take more coalitions than there
    are, all coalitions are taken instead, and the values are exact.
    """
    features, score = removing(run, request)
    m = features.count
    if not m:
        return _shares(run, request, features, np.zeros((run.n_generated, 0)), np.zeros(run.n_generated))
    if 2.0**m <= 2 + request.n_samples * (m - 1):
        masks = everything(m)
        return _shares(run, request, features, *_fitted(run, features, masks, score(masks), drawn=False))
    total = np.zeros((m, run.n_generated))
    ends = score(np.array([[False] * m, [True] * m]))
    ranks = orders(m, request.n_samples, request.seed)  # (n, m): the place of each feature in an order
    at_once = max(1, MASK_CELLS // (m * m))
    for start in range(0, request.n_samples, at_once):
        some = ranks[start : start + at_once]
        masks = some[:, None, :] < np.arange(1, m)[:, None]  # (n, m-1, m): the first 1 … m-1 of each order
        between = score(masks.reshape(-1, m)).reshape(len(some), m - 1, -1)  # (n, m-1, G)
        nothing, whole = (np.broadcast_to(end, (len(some), 1, between.shape[2])) for end in ends)
        gains = np.diff(np.concatenate([nothing, between, whole], 1), axis=1)  # (n, m, G) by place in the order
        total += np.take_along_axis(gains, some[:, :, None], 1).sum(0)
    return _shares(run, request, features, total.T / request.n_samples, ends[1] - ends[0])


def draws(n_features: int, n_samples: int, seed: int) -> np.ndarray:
    """Nothing, the whole, and coalitions by the Shapley kernel with their complements. (n_samples or 2, m) bool

    A size s from 1 to m−1 has probability ∝ 1 / s(m − s); all coalitions of a size are alike.
    """
    random = np.random.default_rng(seed)
    ends = np.array([[False] * n_features, [True] * n_features])
    pairs = max(0, n_samples - 1) // 2 if n_features > 1 else 0
    chances = _size_chances(n_features)
    sizes = random.choice(np.arange(1, n_features), pairs, p=chances) if pairs else np.zeros(0, dtype=int)
    places = random.random((pairs, n_features)).argsort(1).argsort(1)
    some = places < sizes[:, None]
    return np.concatenate([ends, np.stack([some, ~some], 1).reshape(-1, n_features)])[: max(2, n_samples)]


def orders(n_features: int, n_samples: int, seed: int) -> np.ndarray:
    """The place of each feature in n random orders, every other one the reverse of the one before. (n, m)"""
    random = np.random.default_rng(seed)
    places = random.random(((n_samples + 1) // 2, n_features)).argsort(1).argsort(1)
    return np.stack([places, n_features - 1 - places], 1).reshape(-1, n_features)[:n_samples]


def kernel_weights(sizes: np.ndarray, seen: int, n_features: int, *, drawn: bool) -> np.ndarray:
    """Weights that make coalitions stand for the Shapley kernel of the first `seen` features. (R,)

    sizes: (R,), how many of these stay in each. `drawn`: the coalitions come from `draws` for n_features, otherwise
    they are all there are. Those that keep all of `seen` or nothing weigh 0: there the fit is exact anyway.
    """
    inside = (sizes > 0) & (sizes < seen)
    k = np.arange(1, seen)
    wanted = 1 / (k * (seen - k))  # of a size; all its coalitions share it
    if drawn:
        s = np.arange(1, n_features)[:, None]
        ways = _log_choose(seen, k) + _log_choose(n_features - seen, s - k) - _log_choose(n_features, s)
        given = _size_chances(n_features) @ np.exp(ways)  # that k of the first `seen` stay
    else:
        given = np.exp(_log_choose(seen, k))
    weights = np.zeros(len(sizes))
    weights[inside] = (wanted / given)[sizes[inside] - 1]
    return weights


def fit(masks: np.ndarray, values: np.ndarray, weights: np.ndarray, rise: float) -> np.ndarray:
    """The shares (m,) that add up to `rise` and minimize Σ w (y − z·φ)²; the most even of them where several do.

    masks: (R, m); values: (R,), the score above that of nothing.
    """
    m = masks.shape[1]
    part = masks.mean(1)  # what an even division gives
    root = np.sqrt(weights / max(weights.max(initial=0.0), 1e-300))
    # Less its mean, a row asks only how shares differ; the shortest solution then adds up to 0.
    beyond = np.linalg.lstsq(root[:, None] * (masks - part[:, None]), root * (values - part * rise), rcond=None)[0]
    return rise / m + beyond


def _fitted(
    run: ForcedPass, features: Features, masks: np.ndarray, scores: np.ndarray, *, drawn: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(shares (G, m), explained (G,)) from coalitions, the first of them nothing, one of them the whole."""
    values = np.zeros((run.n_generated, features.count))
    rise = scores[masks.all(1).argmax()] - scores[0]
    for target, seen in enumerate(features.seen):
        if seen:
            some = masks[:, :seen]
            weights = kernel_weights(some.sum(1), seen, features.count, drawn=drawn)
            values[target, :seen] = fit(some, scores[:, target] - scores[0, target], weights, rise[target])
    return values, rise


def _shares(
    run: ForcedPass,
    request: AttributionRequest,
    features: Features,
    values: np.ndarray,
    rise: np.ndarray,
    remarks: tuple[str, ...] = (),
) -> AttributionScores:
    """The answer of a complete method; explained: the whole's score less that of nothing."""
    result = answer(run, request, features, values)
    gap = result.scores.nansum(1).numpy() - rise
    return AttributionScores(
        result.scores, explained=tuple(rise.tolist()), convergence_gap=tuple(gap.tolist()), remarks=remarks
    )


def _size_chances(n_features: int) -> np.ndarray:
    """Probabilities of the sizes 1 … m−1 under the Shapley kernel. (m-1,)"""
    s = np.arange(1, n_features)
    chances = 1 / (s * (n_features - s))
    return chances / chances.sum()


def _log_choose(n: int | np.ndarray, k: int | np.ndarray) -> np.ndarray:
    """ln (n over k), −∞ where there is no way."""
    n, k = np.broadcast_arrays(n, k)
    log_factorial = np.concatenate([[0.0], np.log(np.arange(1, n.max(initial=0) + 1)).cumsum()])
    possible = (k >= 0) & (k <= n)
    k = np.where(possible, k, 0)
    return np.where(possible, log_factorial[n] - log_factorial[k] - log_factorial[n - k], -np.inf)


def _kernel_cost(inputs: CostInputs) -> float:
    return inputs.n_samples * inputs.forward


def _sampling_cost(inputs: CostInputs) -> float:
    n_features = n_taken(inputs)
    return min(2.0**n_features, 2 + inputs.n_samples * (n_features - 1)) * inputs.forward


_OPTIONS = ("step_function", "baseline", "n_samples", "window", "removal", "seed")

KERNEL_SHAP = Method(
    name="kernel_shap",
    label="Kernel SHAP",
    family="perturbation",
    description="Divides the target's rise from an empty input fairly, by fitting random coalitions; shares add up.",
    source="https://arxiv.org/abs/1705.07874",
    signed=True,
    complete=True,
    options=_OPTIONS,
    attribute=kernel_shap,
    cost=_kernel_cost,
)

SHAPLEY_SAMPLING = Method(
    name="shapley_sampling",
    label="Shapley sampling",
    family="perturbation",
    description="What each part adds when the input is put together in random order, on average; shares add up.",
    source="https://arxiv.org/abs/2104.12199",
    signed=True,
    complete=True,
    options=_OPTIONS,
    attribute=shapley_sampling,
    cost=_sampling_cost,
)
