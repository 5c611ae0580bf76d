"""Do two methods say the same? Rank correlation of their scores, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spaces_app.arrays import NamedArray, positions
from spaces_app.errors import SpecError
from spaces_app.results import Result

FEWEST = 3  # with two inputs, a rank correlation is 1 or -1 whatever they are


@dataclass(frozen=True)
class Agreement:
    """Spearman's rank correlation of two results: at each generated token (NaN where there is none), and the mean."""

    per_token: NamedArray
    mean: float
    sentence: str


def agreement(first: Result, second: Result) -> Agreement:
    """How alike two results rank the inputs of each generated token.

    1: the same order, 0: unrelated, -1: the opposite. Where one of the two has no signs, sizes are compared. Tokens
    with fewer than three inputs, or with equal scores only, have no ranking. Raises SpecError for different tokens.
    """
    if first.tokens != second.tokens:
        raise SpecError("the results are about different tokens.", field="results")
    scores = [result.arrays["attributions"].values for result in (first, second)]
    signed = all(result.notes.get("signed") for result in (first, second))
    tables = scores if signed else [np.abs(values) for values in scores]
    values = [spearman(a, b) for a, b in zip(tables[0].T, tables[1].T, strict=True)]
    known = [value for value in values if not np.isnan(value)]
    mean = float(np.mean(known)) if known else float("nan")
    array = NamedArray(np.array(values), {"generated": positions(len(values))}, "rank correlation")
    return Agreement(array, mean, _sentence(first, second, mean, signed))


def agreements(results: Sequence[Result]) -> NamedArray:
    """The mean rank correlation of every two of several results. (method, other), 1 on the diagonal."""
    names = tuple(result.spec.value("method") for result in results)
    table = np.eye(len(results))
    for i in range(len(results)):
        for j in range(i):
            table[i, j] = table[j, i] = agreement(results[i], results[j]).mean
    return NamedArray(table, {"method": names, "other": names}, "rank correlation")


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Rank correlation over the places where both have a value; equal values share the mean of their ranks.

    NaN for fewer than three places, or where one side is the same everywhere.
    """
    both = ~(np.isnan(first) | np.isnan(second))
    if both.sum() < FEWEST:
        return float("nan")
    ranks = [_ranks(values[both]) for values in (first, second)]
    centred = [rank - rank.mean() for rank in ranks]
    size = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / size) if size > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[index]


def _sentence(first: Result, second: Result, mean: float, signed: bool) -> str:
    names = f"{first.notes['method']} and {second.notes['method']}"
    if np.isnan(mean):
        return f"{names} cannot be compared: there are too few inputs to rank."
    how = "the same way" if mean > 0.7 else "partly alike" if mean > 0.3 else "differently"
    what = "inputs" if signed else "inputs by size"
    return f"{names} rank the {what} {how}: rank correlation {mean:.2f} on average."
