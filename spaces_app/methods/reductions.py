"""How a token's hidden units become one score: one function for each name of `aggregation`. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.types import Reduce


def total(values: Tensor) -> Tensor:
    """Sum over hidden units: keeps signs, and keeps completeness."""
    return values.sum(-1)


def l2(values: Tensor) -> Tensor:
    """Euclidean norm over hidden units."""
    return (values * values).sum(-1).sqrt()


def l1(values: Tensor) -> Tensor:
    """Sum of absolute values over hidden units."""
    return values.abs().sum(-1)


def mean(values: Tensor) -> Tensor:
    """Mean over hidden units."""
    return values.mean(-1)


def largest(values: Tensor) -> Tensor:
    """The hidden unit of largest magnitude, with its sign."""
    return values.gather(-1, values.abs().argmax(-1, keepdim=True))[..., 0]


REDUCTIONS: dict[str, Reduce] = {"sum": total, "l2": l2, "l1": l1, "mean": mean, "max": largest}
SIGNED_REDUCTIONS = frozenset({"sum", "mean", "max"})
AGGREGATIONS = ("auto", *REDUCTIONS)
