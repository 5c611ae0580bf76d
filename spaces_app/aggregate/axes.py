"""Fewer numbers from many, along the named axes of one array.

Missing cells (NaN) are left out: a reduction over some missing cells is one over the others, and is missing only where
all of them are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from spaces_app.arrays import NamedArray, positions
from spaces_app.errors import SpecError

Pick = int | tuple[int, int] | list[int] | str


def _absmax(values: np.ndarray, axis: int) -> np.ndarray:
    index = np.nan_to_num(np.abs(values), nan=-1.0).argmax(axis, keepdims=True)
    return np.take_along_axis(values, index, axis).squeeze(axis)


def _counted(fn: Callable, empty: float) -> Callable:
    """`fn` with missing cells replaced by the value that changes nothing."""

    def reduced(values: np.ndarray, axis: int) -> np.ndarray:
        missing = np.isnan(values)
        return np.where(missing.all(axis), np.nan, fn(np.where(missing, empty, values), axis=axis))

    return reduced


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    count = (~np.isnan(values)).sum(axis)
    return np.where(count == 0, np.nan, np.nansum(values, axis=axis) / np.maximum(count, 1))


def _l1(values: np.ndarray, axis: int) -> np.ndarray:
    return REDUCERS["sum"](np.abs(values), axis)


def _l2(values: np.ndarray, axis: int) -> np.ndarray:
    return np.sqrt(REDUCERS["sum"](values * values, axis))


REDUCERS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "sum": _counted(np.sum, 0.0),
    "mean": _mean,
    "max": _counted(np.max, -np.inf),
    "min": _counted(np.min, np.inf),
    "prod": _counted(np.prod, 1.0),
    "absmax": _absmax,  # the value of largest magnitude, with its sign
    "l1": _l1,
    "l2": _l2,
}
NORMALIZATIONS = ("none", "column", "whole")


def reducer(how: str) -> Callable[[np.ndarray, int], np.ndarray]:
    """The reduction of that name. Raises SpecError for an unknown one."""
    if how not in REDUCERS:
        raise SpecError(f"{how!r:.60} is not one of {', '.join(REDUCERS)}.", field="how")
    return REDUCERS[how]


def reduce(array: NamedArray, axis: str, how: str = "sum") -> NamedArray:
    """The array without `axis`, its cells along it made one. Raises SpecError for an unknown axis or reduction."""
    at = _index(array, axis)
    values = reducer(how)(array.values.astype(np.float64), at)
    return NamedArray(values, {name: labels for name, labels in array.axes.items() if name != axis}, array.unit)


def pick(array: NamedArray, axis: str, which: Pick) -> NamedArray:
    """Part of an axis by position: an integer takes one (the axis is gone), (a, b) a range, a list those in it.

    Negative positions count from the end. Raises SpecError for positions that are not there and for an empty choice.
    """
    at, labels = _index(array, axis), array.axes[axis]
    n = len(labels)
    try:
        places: Any = np.arange(n)
        chosen = places[slice(*which)].tolist() if isinstance(which, tuple) else places[which].tolist()
    except (IndexError, TypeError, ValueError):
        raise SpecError(f"{which!r:.60} is not on axis {axis!r}, which has {n}.", field=axis) from None
    if chosen == []:
        raise SpecError(f"{which!r:.60} leaves nothing of axis {axis!r}, which has {n}.", field=axis)
    axes = dict(array.axes)
    if isinstance(chosen, int):
        del axes[axis]
    else:
        axes[axis] = tuple(labels[i] for i in chosen)
    return NamedArray(array.values.take(chosen, axis=at), axes, array.unit)


def fold(array: NamedArray, **axes: Pick) -> NamedArray:
    """Several axes at once, each by the name of a reduction or by a position: `fold(a, layer="mean", head=3)`."""
    for axis, how in axes.items():
        array = reduce(array, axis, how) if isinstance(how, str) else pick(array, axis, how)
    return array


def merge(array: NamedArray, axis: str, groups: Sequence[int], how: str = "sum") -> NamedArray:
    """Cells of neighbouring positions with the same number made one; the axis is counted anew from 0.

    groups: one number per position. Positions of one number must stand side by side, else SpecError.
    """
    at, fn = _index(array, axis), reducer(how)
    runs = runs_of(groups)
    if len(groups) != len(array.axes[axis]):
        raise SpecError(f"{len(groups)} group numbers for {len(array.axes[axis])} positions.", field=axis)
    values = array.values.astype(np.float64)
    parts = [fn(values.take(range(start, stop), axis=at), at) for start, stop in runs]
    shape = [len(labels) for labels in array.axes.values()]
    shape[at] = len(runs)
    merged = np.stack(parts, axis=at) if parts else np.zeros(shape)
    return NamedArray(merged, array.axes | {axis: positions(len(runs))}, array.unit)


def normalize(array: NamedArray, how: str = "column", *, axis: str = "input") -> NamedArray:
    """Scores as shares: divided by the sum of magnitudes, so that magnitudes sum to 1.

    column: along `axis`, for each generated token by itself (source and target rows together). whole: over the whole
    array. none: as they are. Signs stay. What is all zero stays zero.
    """
    if how not in NORMALIZATIONS:
        raise SpecError(f"{how!r:.60} is not one of {', '.join(NORMALIZATIONS)}.", field="normalize")
    if how == "none":
        return array
    values = array.values.astype(np.float64)
    along = _index(array, axis) if how == "column" else None
    total = np.nansum(np.abs(values), axis=along, keepdims=True)
    return NamedArray(values / np.where(total == 0, 1.0, total), array.axes, "share")


def rescale(array: NamedArray) -> NamedArray:
    """Scores divided by the largest magnitude, which becomes 1. Signs stay."""
    largest = float(np.nanmax(np.abs(array.values), initial=0.0))
    return NamedArray(array.values / (largest or 1.0), array.axes, "share of the largest")


def between(array: NamedArray, how: str = "sum", **spans: tuple[int, int]) -> float:
    """One number for a block: the score of one span for another, `between(a, input=(0, 3), generated=(1, 2))`.

    Along axes that are named, the positions from start up to stop; along others, all. NaN when all cells are missing.
    """
    for axis, span in spans.items():
        array = pick(array, axis, span)
    return float(reducer(how)(array.values.astype(np.float64).ravel(), 0))


def runs_of(groups: Sequence[int]) -> list[tuple[int, int]]:
    """(start, stop) of each run of equal numbers. Raises SpecError when a number comes back later."""
    starts = [i for i, number in enumerate(groups) if i == 0 or number != groups[i - 1]]
    if len({groups[i] for i in starts}) != len(starts):
        raise SpecError("positions of one group must stand side by side.", field="groups")
    return list(zip(starts, [*starts[1:], len(groups)], strict=True))


def _index(array: NamedArray, axis: str) -> int:
    if axis not in array.axes:
        raise SpecError(f"{axis!r:.60} is not one of the axes {', '.join(array.axes)}.", field="axis")
    return list(array.axes).index(axis)
