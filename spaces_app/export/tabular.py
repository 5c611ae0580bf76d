"""A result as CSV, one row for each number or for each pair of input and output token."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Iterator

from spaces_app.arrays import NamedArray
from spaces_app.results import Result


def csv_text(result: Result) -> str:
    """The result's arrays as CSV with a header line.

    A result with input × generated arrays gives one row for each pair of tokens that was scored, with the step scores
    of the generated token beside it. Any other gives one row for each number: its array, the labels of its axes, the
    value. Numbers have the nine digits that float32 needs. A text that a spreadsheet would take for a formula is
    preceded by an apostrophe; ids stand beside every text.
    """
    paired = {name: array for name, array in result.arrays.items() if list(array.axes) == ["input", "generated"]}
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows(_pairs(result, paired) if paired else _numbers(result))
    return out.getvalue()


def _pairs(result: Result, paired: dict[str, NamedArray]) -> Iterator[list]:
    tokens = result.tokens
    generated = [i for i, token in enumerate(tokens) if token.segment == "generated"]
    steps = result.arrays.get("step_scores")
    names = list(steps.axes["step_function"]) if steps is not None else []
    yield [
        *("generated", "generated_id", "generated_token", "input", "input_id", "input_token", "input_segment"),
        *paired,
        *names,
    ]
    for g, place in enumerate(generated):
        told = [] if steps is None else [_number(value) for value in steps.values[:, g]]
        for i, token in enumerate(tokens):
            values = [_number(array.values[i, g]) for array in paired.values()]
            if any(values):
                yield [
                    *(g, tokens[place].id, _cell(tokens[place].text), i, token.id, _cell(token.text), token.segment),
                    *values,
                    *told,
                ]


def _numbers(result: Result) -> Iterator[list]:
    deepest = max((len(array.axes) for array in result.arrays.values()), default=0)
    yield ["array", *(part for k in range(deepest) for part in (f"axis_{k + 1}", f"label_{k + 1}")), "value", "unit"]
    for name, array in result.arrays.items():
        for index in itertools.product(*(range(len(labels)) for labels in array.axes.values())):
            value = _number(array.values[index])
            if value:
                at = [
                    (axis, _cell(str(labels[k]))) for (axis, labels), k in zip(array.axes.items(), index, strict=True)
                ]
                spare = [("", "")] * (deepest - len(at))
                yield [name, *itertools.chain(*at, *spare), value, array.unit]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.9g}"


def _cell(text: str) -> str:
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
