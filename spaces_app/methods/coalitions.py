"""What perturbation methods share: features to take away, coalitions of those that stay, and what each then scores.

A feature is a token, or the tokens of a word or sentence. Features are numbered by their first token, so the ones a
target has before it are always the first few: one coalition of all features is a coalition of those, for every target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


MASK_CELLS = 20_000_000  # coalitions × features held at a time


@dataclass(frozen=True)
class Features:
    """feature: (n_inputs,), the number of each input's feature, -1 for an input that always stays.

    sizes: (G, m), how many of a feature's tokens stand before a target.
    """

    feature: np.ndarray
    sizes: np.ndarray

    @property
    def count(self) -> int:
        return self.sizes.shape[1]

    @property
    def seen(self) -> list[int]:
        """How many features each target has before it, wholly or in part. G numbers, none smaller than the last."""
        return (self.sizes > 0).sum(1).tolist()

    def kept(self, masks: np.ndarray) -> np.ndarray:
        """Which inputs stay in coalitions (R, m). (R, n_inputs) bool"""
        always = np.ones((len(masks), 1), dtype=bool)
        return np.concatenate([masks, always], 1)[:, self.feature]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Scores of features (G, m) as scores of inputs (G, n_inputs).

        A feature's score is divided equally among its tokens before the target, so that adding up the tokens of a word
        gives the score of the word. An input that always stays has nothing to lose: 0.
        """
        if not self.count:
            return np.zeros((len(values), len(self.feature)))
        shares = values / np.maximum(self.sizes, 1)
        return np.where(self.feature >= 0, shares[:, self.feature], 0.0)


def removing(run: ForcedPass, request: AttributionRequest) -> tuple[Features, Callable[[np.ndarray], np.ndarray]]:
    """The features, and a function from coalitions (R, m) to scores (R, G) without the features that are False.

    By `request.removal`: replaced by the baseline's embeddings, or deleted. An input whose baseline is its own,
    and a special token that cannot be deleted, belong to no feature. Equal coalitions are computed once.
    """
    if request.removal == "delete":
        free = run.deletable().numpy()
    else:
        baseline = run.baseline(request.baseline)
        free = (run.embeds != baseline).any(-1).cpu().numpy()
    features = _features(request.features, free, run.before().numpy())

    def score(masks: np.ndarray) -> np.ndarray:
        _, first, same = np.unique(np.packbits(masks, axis=1), axis=0, return_index=True, return_inverse=True)
        kept = features.kept(masks[first])
        scores = (
            run.deleted(request.score, kept)
            if request.removal == "delete"
            else run.replaced(request.score, kept, baseline)
        )
        return scores.double().cpu().numpy()[same.reshape(-1)]

    return features, score


def _features(groups: np.ndarray | None, free: np.ndarray, before: np.ndarray) -> Features:
    """groups: (n_inputs,), equal for inputs of one feature, or None; free: (n_inputs,) bool; before: (G, n_inputs)."""
    groups = np.arange(len(free)) if groups is None else np.asarray(groups)
    feature = np.full(len(free), -1)
    numbers: dict[int, int] = {}
    for place in np.flatnonzero(free):
        feature[place] = numbers.setdefault(int(groups[place]), len(numbers))
    sizes = np.zeros((len(before), len(numbers)), dtype=int)
    for place in np.flatnonzero(free):
        sizes[:, feature[place]] += before[:, place]
    return Features(feature, sizes)


def everything(n_features: int) -> np.ndarray:
    """All coalitions of n features. (2ⁿ, n) bool"""
    return (np.arange(2**n_features)[:, None] >> np.arange(n_features)) % 2 == 1


def answer(
    run: ForcedPass, request: AttributionRequest, features: Features, values: np.ndarray, **findings: Any
) -> AttributionScores:
    """The answer that gives features the scores `values` (G, m)."""
    there = run.scores(request.score)
    return AttributionScores(run.collect([(slice(None), there.new_tensor(features.spread(values)))]), **findings)


def n_taken(inputs: CostInputs) -> int:
    """How many features a question of this size has, at most."""
    n_inputs = inputs.n_source + inputs.n_decoder
    return min(inputs.n_features or n_inputs, n_inputs)
