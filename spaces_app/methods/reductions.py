"""How a token's hidden units become one score: one function for each name of `aggregation`. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable


def total(values):
    """Sum over hidden units: keeps signs, and keeps completeness."""
    return values.sum(-1)


def l2(values):
    """Euclidean norm over hidden units."""
    return (values * values).sum(-1).sqrt()


def l1(values):
    """Sum of absolute values over hidden units."""
    return values.abs().sum(-1)


def mean(values):
    """Mean over hidden units."""
    return values.mean(-1)


def largest(values):
    """The hidden unit of largest magnitude, with its sign."""
    return values.gather(-1, values.abs().argmax(-1, keepdim=True))[..., 0]


REDUCTIONS: dict[str, Callable] = {"sum": total, "l2": l2, "l1": l1, "mean": mean, "max": largest}
SIGNED_REDUCTIONS = frozenset({"sum", "mean", "max"})
AGGREGATIONS = ("auto", *REDUCTIONS)
