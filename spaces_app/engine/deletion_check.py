"""Is the ranking true? Takes away the top-ranked inputs, and random ones, and sees how far the target falls.

Comprehensiveness and sufficiency are those of DeYoung et al. 2020 (https://arxiv.org/abs/1911.03429); the area over the
perturbation curve is that of Samek et al. 2017 (https://arxiv.org/abs/1509.06321). Forward passes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.arrays import NamedArray, positions
from spaces_app.types import Score

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


REMOVED = ("1", "2", "3", "5", "10 %", "20 %", "50 %")  # tokens, or a share of those that could be taken away
MEASURES = ("comprehensiveness", "sufficiency", "random_comprehensiveness", "random_sufficiency")
HEADLINE = "20 %"
N_RANDOM = 5  # random orders; their mean is what the top-ranked tokens are compared with


def deletion_check(
    run: ForcedPass, score: Score, scores: np.ndarray, *, baseline: str, signed: bool, seed: int = 0
) -> tuple[NamedArray, dict[str, float]]:
    """(falls of the target, their means over the output) for every measure, amount removed and generated token.

    scores: (n_inputs, G), NaN where there is none. comprehensiveness: target − target without the top-ranked inputs,
    high when they matter. sufficiency: target − target with the top-ranked inputs alone, low when they are enough.
    Signed scores rank what speaks for the target first; unsigned ones rank by size. Inputs that have no score, or whose
    baseline is themselves (end marks, what starts a decoder), always stay. A share is of the inputs that can go,
    rounded, at least one; where there are fewer than the number named, all go. NaN where none can go.
    """
    absent = run.baseline(baseline)
    differs = np.array((run.embeds != absent).any(-1).tolist())
    able = ~np.isnan(scores) & differs[:, None]  # (n_inputs, G)
    counts = _counts(able.sum(0))  # (amounts, G)
    ranked = _ranks(scores if signed else np.abs(scores), able)  # (n_inputs, G), 0 is the first to go
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(run.n_inputs), (N_RANDOM, 1)), axis=1)
    rows = Rows(run.n_inputs)
    for measure, amount, g, gone in [*_from_the_top(ranked, able, counts), *_at_random(orders, able, counts)]:
        rows.ask((measure, amount, g), gone)
    values = np.array(run.replaced(score, rows.kept(), absent).tolist())  # (R, G)
    there = np.array(run.scores(score).tolist())  # (G,)
    falls = np.full((len(MEASURES), len(REMOVED), run.n_generated), np.nan)
    for (measure, amount, g), asked in rows.asked.items():
        falls[measure, amount, g] = np.mean(there[g] - values[asked, g])
    axes = {"measure": MEASURES, "removed": REMOVED, "generated": positions(run.n_generated)}
    return NamedArray(falls, axes, ""), _means(falls, counts, able.sum(0))


def n_variants(n_inputs: int, n_generated: int) -> int:
    """How many variants of the input the check looks at, at most: what it costs."""
    top = 2 * len(REMOVED) * n_generated
    return top + N_RANDOM * min(n_inputs + 1, top)


def sentences(means: dict[str, float], target: str) -> list[dict]:
    """The check in words: {"label", "value", "sentence"} each. target: what was explained, as people call it."""
    if not means:
        return []
    name = "the " + (target if target[1:2].isupper() or target[1:2] == "-" else target[:1].lower() + target[1:])
    lead, random = means["comprehensiveness"], means["random_comprehensiveness"]
    alone, random_alone = means["sufficiency"], means["random_sufficiency"]
    found = "more than chance would" if lead > random else "no more than chance would"
    return [
        {
            "label": "Comprehensiveness",
            "value": lead,
            "sentence": f"Without the top-ranked {HEADLINE} of the input, {name} falls by {lead:.3g} on average;"
            f" without as many random tokens, by {random:.3g}. The ranking finds {found}.",
        },
        {
            "label": "Sufficiency",
            "value": alone,
            "sentence": f"With the top-ranked {HEADLINE} alone, {name} falls by {alone:.3g} (lower is better);"
            f" with as many random tokens alone, by {random_alone:.3g}.",
        },
        {
            "label": "Area over the perturbation curve",
            "value": means["area"],
            "sentence": f"Taking tokens away from the top, {name} falls by {means['area']:.3g} on average on the way to"
            f" half of the input; taking them away at random, by {means['random_area']:.3g}.",
        },
    ]


def _counts(able: np.ndarray) -> np.ndarray:
    """How many inputs go for each amount and target, of the `able` (G,) ones. (amounts, G)"""
    rows = []
    for amount in REMOVED:
        number = float(amount.rstrip(" %"))
        rows.append(np.maximum(1, np.rint(able * number / 100)) if "%" in amount else np.full(len(able), number))
    return np.minimum(np.array(rows), able).astype(int)


def _ranks(scores: np.ndarray, able: np.ndarray) -> np.ndarray:
    """The place of each input in each target's order, from the highest score down; ties keep the text's order."""
    order = np.argsort(np.where(able, -scores, np.inf), axis=0, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(len(scores))[:, None], axis=0)
    return ranks


class Rows:
    """Variants of the input, equal ones once, and which of them answer what."""

    def __init__(self, n_inputs: int):
        self._n_inputs = n_inputs
        self._gone: dict[bytes, int] = {}
        self.asked: dict[tuple, list[int]] = {}

    def ask(self, key: tuple, gone: np.ndarray) -> None:
        self.asked.setdefault(key, []).append(self._gone.setdefault(gone.tobytes(), len(self._gone)))

    def kept(self) -> np.ndarray:
        """(R, n_inputs) booleans."""
        return ~np.array([np.frombuffer(row, bool) for row in self._gone], bool).reshape(-1, self._n_inputs)


def _from_the_top(
    ranked: np.ndarray, able: np.ndarray, counts: np.ndarray
) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """(measure, amount, target, inputs gone): the highest-ranked, and all but the highest-ranked."""
    for amount, g in np.ndindex(*counts.shape):
        if counts[amount, g]:
            top = able[:, g] & (ranked[:, g] < counts[amount, g])
            yield 0, amount, g, top
            yield 1, amount, g, able[:, g] & ~top


def _at_random(orders: np.ndarray, able: np.ndarray, counts: np.ndarray) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """The same with inputs in random orders.

    Each variant is the beginning of an order of all inputs, long enough for the target's number of them to be gone.
    What comes after a target does not concern it, so a target sees an order of its own, and targets share variants.
    """
    for order in orders:
        place = np.argsort(order)  # when each input goes
        for amount, g in np.ndindex(*counts.shape):
            going = np.flatnonzero(able[order, g])  # when those that this target reads go
            for measure, n in ((2, counts[amount, g]), (3, len(going) - counts[amount, g])):
                if counts[amount, g]:
                    yield measure, amount, g, place <= (going[n - 1] if n else -1)


def _means(falls: np.ndarray, counts: np.ndarray, able: np.ndarray) -> dict[str, float]:
    """The headline amount of each measure, and the areas over the curves, averaged over the targets. {} without any."""
    chosen = np.flatnonzero(able > 0)
    if not len(chosen):
        return {}
    at = REMOVED.index(HEADLINE)
    means = {measure: float(falls[i, at, chosen].mean()) for i, measure in enumerate(MEASURES)}
    for name, measure in (("area", 0), ("random_area", 2)):
        means[name] = float(np.mean([_area(falls[measure, :, g], counts[:, g] / able[g]) for g in chosen]))
    return means


def _area(falls: np.ndarray, shares: np.ndarray) -> float:
    """Mean fall on the way from nothing removed to the largest share removed, by the trapezium rule."""
    shares, first = np.unique(np.concatenate([[0.0], shares]), return_index=True)
    heights = np.concatenate([[0.0], falls])[first]
    return float(np.trapezoid(heights, shares) / shares[-1])
