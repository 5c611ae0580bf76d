"""Two results side by side: their tokens aligned, their numbers subtracted; several results made one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np

from spaces_app.aggregate.axes import reducer
from spaces_app.aggregate.results import MERGED, merge
from spaces_app.arrays import NamedArray, positions
from spaces_app.errors import SpecError
from spaces_app.results import Result
from spaces_app.tokens import SEGMENTS, Token

ARROW = " → "


def pair(first: Result, second: Result) -> Result:
    """What changed from the first result to the second: second − first, over tokens such as " he → she".

    Tokens are aligned within each segment by their texts. Where a run of tokens was exchanged for one of another
    length, both runs become one token each (scores summed). A token that only one side has counts 0 as an input there;
    as an output it has nothing to be compared with: its column is missing.
    """
    sides, places, tokens = _aligned(first, second)
    columns = _columns(tokens)
    tables = [_spread(side, at, columns) for side, at in zip(sides, places, strict=True)]
    arrays = {
        "attributions": _scores(tables[1] - tables[0], first),
        "step_scores": _steps(sides, places, columns),
    }
    spoken = {"pair": [side.text for side in (first, second)], "signed": True}
    return Result(spec=first.spec, tokens=tokens, arrays=arrays, notes=first.notes | spoken)


def aligned(first: Result, second: Result) -> tuple[Result, Result]:
    """Both results on the common tokens of `pair`, with their attributions alone; NaN in columns that a side lacks."""
    sides, places, tokens = _aligned(first, second)
    columns = _columns(tokens)
    one, other = (
        replace(whole, tokens=tokens, arrays={"attributions": _scores(_spread(side, at, columns), whole)})
        for whole, side, at in zip((first, second), sides, places, strict=True)
    )
    return one, other


def difference(first: Result, second: Result) -> Result:
    """first − second. (Inseq 0.7.1's `first - second` gives second − first.)"""
    turned = pair(first, second)
    arrays = {name: NamedArray(-array.values, array.axes, array.unit) for name, array in turned.arrays.items()}
    return replace(turned, arrays=arrays)


def together(results: Sequence[Result], how: str = "mean") -> Result:
    """Results on the same tokens made one, cell by cell: the mean over seeds, the largest over methods."""
    if not results:
        raise SpecError("there is no result to put together.", field="results")
    head = results[0]
    if any(result.tokens != head.tokens for result in results[1:]):
        raise SpecError("the results are about different tokens; use pair() to align them.", field="results")
    fn, arrays = reducer(how), {}
    for name, array in head.arrays.items():
        same = [r.arrays[name] for r in results if name in r.arrays and r.arrays[name].axes == array.axes]
        if len(same) == len(results):
            arrays[name] = NamedArray(
                fn(np.stack([a.values for a in same]).astype(np.float64), 0), array.axes, array.unit
            )
    if "attributions" not in arrays:
        raise SpecError("the results have no attributions of one shape.", field="results")
    return replace(head, arrays=arrays, notes=head.notes | {"together": [how, len(results)]})


def _aligned(first: Result, second: Result) -> tuple[list[Result], list[list[int | None]], tuple[Token, ...]]:
    """Both sides with exchanged runs merged, where each common token is on either side, and the common tokens."""
    links = [link for segment in SEGMENTS for link in _links(first.tokens, second.tokens, segment)]
    sides = [_merged_to(result, [link[side] for link in links]) for side, result in enumerate((first, second))]
    places = [_places([link[side] for link in links]) for side in (0, 1)]
    tokens = tuple(
        _paired(*(side.tokens[place] if place is not None else None for side, place in zip(sides, at, strict=True)))
        for at in zip(*places, strict=True)
    )
    return sides, places, tokens


def _columns(tokens: Sequence[Token]) -> list[int]:
    return [i for i, token in enumerate(tokens) if token.segment == "generated"]


def _links(first: Sequence[Token], second: Sequence[Token], segment: str) -> list[tuple[tuple, tuple]]:
    """((start, stop) in first, (start, stop) in second), in order; an empty range where a side has nothing."""
    at = [[i for i, token in enumerate(side) if token.segment == segment] for side in (first, second)]
    texts = [[side[i].text for i in own] for side, own in zip((first, second), at, strict=True)]
    starts = [own[0] if own else 0 for own in at]
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_opcodes():
        a, b, c, d = a + starts[0], b + starts[0], c + starts[1], d + starts[1]
        if b - a == d - c:
            found += [((a + i, a + i + 1), (c + i, c + i + 1)) for i in range(b - a)]
        elif kind == "replace":
            found.append(((a, b), (c, d)))
        else:
            found += [((i, i + 1), (c, c)) for i in range(a, b)] + [((a, a), (i, i + 1)) for i in range(c, d)]
    return found


def _merged_to(result: Result, ranges: list[tuple[int, int]]) -> Result:
    groups = [number for number, (start, stop) in enumerate(ranges) for _ in range(start, stop)]
    return merge(result, groups, "sum")


def _places(ranges: list[tuple[int, int]]) -> list[int | None]:
    """Where each link's token is among the side's merged tokens; None where it has none."""
    places, n = [], 0
    for start, stop in ranges:
        places.append(n if stop > start else None)
        n += stop > start
    return places


def _paired(first: Token | None, second: Token | None) -> Token:
    one = first or second
    assert one is not None  # a link has a token on one side at least
    if first is not None and second is not None and first.text == second.text:
        return one
    texts = [token.text if token is not None else "" for token in (first, second)]
    # The arrow joins words, so the second word's leading space goes.
    return Token(MERGED, texts[0] + ARROW + texts[1].lstrip(), one.segment, one.special)


def _spread(side: Result, places: list[int | None], columns: list[int]) -> np.ndarray:
    """The side's scores on the common tokens: 0 for inputs it lacks, NaN for outputs it lacks. (N, G)"""
    scores = side.arrays["attributions"].values
    first = len(side.tokens) - scores.shape[1]
    table = np.full((len(places), len(columns)), np.nan)
    for g, column in enumerate(columns):
        if places[column] is None:
            continue
        for i, place in enumerate(places):
            if place is not None:
                table[i, g] = scores[place, places[column] - first]
            elif i < column:
                table[i, g] = 0.0
    return table


def _scores(table: np.ndarray, like: Result) -> NamedArray:
    axes = {"input": positions(table.shape[0]), "generated": positions(table.shape[1])}
    return NamedArray(table, axes, like.arrays["attributions"].unit)


def _steps(sides: list[Result], places: list[list[int | None]], columns: list[int]) -> NamedArray:
    """Differences of the step scores that both sides have."""
    steps = [side.arrays["step_scores"] for side in sides]
    names = [name for name in steps[0].axes["step_function"] if name in steps[1].axes["step_function"]]
    table = np.full((2, len(names), len(columns)), np.nan)
    for number, (side, array) in enumerate(zip(sides, steps, strict=True)):
        first = len(side.tokens) - len(array.axes["generated"])
        for g, column in enumerate(columns):
            if (place := places[number][column]) is not None:
                rows = [array.axes["step_function"].index(name) for name in names]
                table[number, :, g] = array.values[rows, place - first]
    axes = {"step_function": tuple(names), "generated": positions(len(columns))}
    return NamedArray(table[1] - table[0], axes, steps[0].unit)
