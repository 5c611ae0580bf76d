"""Every recorded example of every tab, with a small picture made of its own numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spaces_app.figures import FIGURES
from spaces_app.results import Result
from spaces_app.serving.gallery import Example
from spaces_app.tabs import Tab

ROWS, COLUMNS = 8, 30  # at most; beyond that neighbours share a cell, which has the larger number of them
STEPS = 8  # shades from nothing to the largest number


def overview(tabs: Iterable[tuple[Tab, Iterable[Example]]]) -> list[dict]:
    """[{"tab", "title", "question", "items": [{"name", "title", "question", "label", "cells"}]}], empty tabs left out.

    `label` is the question's name in a tab with examples of several; `cells` are those of `picture`.
    """
    found = []
    for tab, given in tabs:
        examples = list(given)
        several = len({example.result.spec.kind for example in examples}) > 1
        items = [
            {
                "name": example.name,
                "title": example.title,
                "question": example.question,
                "label": tab.views[example.result.spec.kind].label if several else "",
                "cells": picture(example.result),
            }
            for example in examples
        ]
        if items:
            found.append({"tab": tab.name, "title": tab.title, "question": tab.question, "items": items})
    return found


def picture(result: Result) -> list[list[int | None]]:
    """The numbers of a result as at most ROWS × COLUMNS shades from −STEPS to STEPS, tokens from left to right.

    None where there is no number. Shades are relative to the largest number; of several planes the first is shown.
    """
    figure = FIGURES.get(result.spec.kind)
    flat = [name for name, array in result.arrays.items() if array.values.ndim == 2]
    name = next((name for name in (figure.thumbnail if figure else "", *flat) if name in result.arrays), "")
    if not name:
        return []
    array = result.arrays[name]
    values = np.asarray(array.values, dtype=np.float64)
    while values.ndim > 2:
        values = values[0]
    values = np.atleast_2d(values)
    if tuple(array.axes)[-2:-1] == ("input",):
        values = values.T  # the text runs across, as it is read
    if values.size == 0:
        return []
    values = _pooled(_pooled(values, ROWS).T, COLUMNS).T
    largest = np.nan_to_num(np.abs(values)).max(initial=0.0)
    shades = values / largest * STEPS if largest > 0 else values * 0
    return [[None if np.isnan(shade) else int(round(shade)) for shade in row] for row in shades]


def _pooled(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows: each the number of largest size of the neighbours that share it, nan where none has one."""
    groups = np.array_split(values, min(most, len(values)))
    return np.stack([_strongest(group) for group in groups])


def _strongest(group: np.ndarray) -> np.ndarray:
    size = np.where(np.isnan(group), -1.0, np.abs(group))
    return np.take_along_axis(group, size.argmax(axis=0)[None], axis=0)[0]
