"""Sums over words and sentences for still pictures: the same arithmetic as the token heatmap's script."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Unit:
    """Tokens `first`…`last` as one: a token, word or sentence. `c0`…`c1` are its columns, -1 when it is input."""

    first: int
    last: int
    text: str
    segment: str
    special: bool
    c0: int = -1
    c1: int = -1


@dataclass(frozen=True)
class Table:
    """Scores summed over units. `targets` are the units the model wrote; values (U, C), NaN where not scored."""

    units: tuple[Unit, ...]
    targets: tuple[int, ...]
    values: np.ndarray

    @property
    def largest(self) -> float:
        """The largest absolute score of the whole output."""
        return float(np.nanmax(np.abs(self.values))) if np.isfinite(self.values).any() else 0.0

    def text(self, c0: int, c1: int) -> str:
        """The text of targets c0…c1."""
        return "".join(self.units[u].text for u in self.targets[c0 : c1 + 1])

    def touched(self, first: int, last: int) -> tuple[int, int] | None:
        """The first and last target that token columns first…last touch; None when there are none."""
        found = [c for c, u in enumerate(self.targets) if not (self.units[u].c1 < first or self.units[u].c0 > last)]
        return (found[0], found[-1]) if found else None

    def unit_of(self, token: int) -> int:
        """The number of the unit that holds a token."""
        return next(u for u, unit in enumerate(self.units) if unit.first <= token <= unit.last)


@dataclass(frozen=True)
class Ranking:
    """A score and its share for each unit (NaN where none), and the scored units from the strongest to the weakest."""

    values: np.ndarray
    shares: np.ndarray
    order: tuple[int, ...]

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return float(np.abs(self.values[list(self.order)]).max()) if self.order else 0.0


def scores_of(value: dict) -> np.ndarray:
    """The matrix of a token heatmap's value: (N, G) float64, NaN for cells that cannot exist."""
    packed = np.frombuffer(base64.b64decode(value["scores"]["f32"]), dtype="<f4")
    return packed.reshape(value["scores"]["rows"], value["scores"]["cols"]).astype(np.float64)


def table_of(value: dict, kind: str) -> Table:
    """The value's scores summed over its tokens, words or sentences. A unit's score for itself is left out."""
    units = units_of(value, kind)
    targets = tuple(u for u, unit in enumerate(units) if unit.c0 >= 0)
    scores = scores_of(value)
    values = np.full((len(units), len(targets)), np.nan)
    for u, unit in enumerate(units):
        for c, target in enumerate(targets):
            if target == u:
                continue
            block = scores[unit.first : unit.last + 1, units[target].c0 : units[target].c1 + 1]
            if np.isfinite(block).any():
                values[u, c] = np.nansum(block)
    return Table(tuple(units), targets, values)


def forward(table: Table, c0: int, c1: int) -> Ranking:
    """What targets c0…c1 together rely on; the shares are of the sum of absolute scores."""
    part = table.values[:, c0 : c1 + 1]
    values = np.where(np.isfinite(part).any(axis=1), np.nansum(part, axis=1), np.nan)
    values[list(table.targets[c0 : c1 + 1])] = np.nan
    return _ranked(values, np.nansum(np.abs(values)))


def backward(table: Table, u: int) -> Ranking:
    """What unit u influences; a share is the part of the target's total that comes from u."""
    values, totals = np.full(len(table.units), np.nan), np.full(len(table.units), np.nan)
    values[list(table.targets)] = table.values[u]
    totals[list(table.targets)] = np.nansum(np.abs(table.values), axis=0)
    return _ranked(values, totals)


def _ranked(values: np.ndarray, totals: np.ndarray | float) -> Ranking:
    whole = np.broadcast_to(np.asarray(totals, dtype=np.float64), values.shape)
    shares = np.where(np.isnan(values), np.nan, np.divide(values, whole, out=np.zeros_like(values), where=whole > 0))
    scored = [u for u in range(len(values)) if not np.isnan(values[u])]
    return Ranking(values, shares, tuple(sorted(scored, key=lambda u: (-abs(values[u]), u))))


def units_of(value: dict, kind: str) -> list[Unit]:
    """The value's text in units: tokens, words or sentences."""
    tokens, columns = value["tokens"], {token: column for column, token in enumerate(value["generated"])}
    numbers = _cells(tokens) if kind == "token" else value["groups"].get(kind) or _cells(tokens)
    bounds: list[list[int]] = []
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        joins = (
            before is not None
            and numbers[i] == numbers[i - 1]
            and before["segment"] == token["segment"]
            and bool(before["special"]) == bool(token["special"])
        )
        if joins:
            bounds[-1][1] = i
        else:
            bounds.append([i, i])
    units = []
    for first, last in bounds:
        own = [columns[i] for i in range(first, last + 1) if i in columns]
        text = "".join(token["text"] for token in tokens[first : last + 1])
        c0, c1 = (own[0], own[-1]) if own else (-1, -1)
        units.append(Unit(first, last, text, tokens[first]["segment"], bool(tokens[first]["special"]), c0, c1))
    return units


def _cells(tokens: list[dict]) -> list[int]:
    """A token with empty text is the rest of a character that stands before it: both are one cell."""
    numbers: list[int] = []
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        joins = (
            before is not None
            and token["text"] == ""
            and not token["special"]
            and not before["special"]
            and before["segment"] == token["segment"]
        )
        numbers.append(numbers[-1] + (not joins) if numbers else 0)
    return numbers
