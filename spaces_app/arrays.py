"""Numbers that know their axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NamedArray:
    """A float32 array with named axes, one label per index, and a unit.

    `values` has one dimension per axis, in the order of `axes`; `axes` maps each name to its labels (strings or
    integers). A missing cell is NaN in `values` and null in JSON. Raises ValueError when shape and labels disagree
    or a value is infinite: an infinity is always a fault upstream, never a result.
    """

    values: np.ndarray
    axes: dict[str, tuple]
    unit: str

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float32, order="C")
        axes = {name: tuple(labels) for name, labels in self.axes.items()}
        if values.shape != tuple(len(labels) for labels in axes.values()):
            raise ValueError(f"shape {values.shape} does not fit axes { {k: len(v) for k, v in axes.items()} }")
        if np.isinf(values).any():
            raise ValueError("infinite values in a result")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "axes", axes)

    def select(self, **labels: str | int) -> NamedArray:
        """The slice at one label per named axis; the axes named are gone. Raises KeyError for an unknown one."""
        values, axes = self.values, dict(self.axes)
        for name, label in labels.items():
            if label not in axes[name]:
                raise KeyError(f"{label!r} is not on axis {name!r}")
            values = values.take(axes[name].index(label), axis=list(axes).index(name))
            del axes[name]
        return NamedArray(values, axes, self.unit)

    def to_dict(self) -> dict:
        """`{"axes": [names], "labels": {name: [...]}, "values": nested lists with null, "unit": "..."}`."""
        return {
            "axes": list(self.axes),
            "labels": {name: list(labels) for name, labels in self.axes.items()},
            "values": _nested(self.values.tolist()),
            "unit": self.unit,
        }

    @classmethod
    def from_dict(cls, data: dict) -> NamedArray:
        """The inverse of `to_dict`: float32 values survive the round trip exactly."""
        labels = {name: tuple(data["labels"][name]) for name in data["axes"]}
        shape = tuple(len(axis) for axis in labels.values())
        values = np.array(_with_nan(data["values"]), dtype=np.float32).reshape(shape)
        return cls(values, labels, data["unit"])


def positions(n: int) -> tuple[int, ...]:
    """Labels 0 … n-1: an axis of positions, since equal tokens must stay distinct."""
    return tuple(range(n))


def _nested(values: list | float) -> list | float | None:
    if isinstance(values, list):
        return [_nested(item) for item in values]
    return None if math.isnan(values) else values


def _with_nan(values: list | float | None) -> list | float:
    if isinstance(values, list):
        return [_with_nan(item) for item in values]
    return math.nan if values is None else values
