"""A result about surprisal: a bar for every token that was written."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from spaces_app.figures.base import Figure
from spaces_app.figures.packing import badges, plain, sentences
from spaces_app.figures.terminal.cells import label
from spaces_app.results import Result


def surprisal(result: Result, *, state: str = "", origin: str = "") -> dict:
    """The component's value: the tokens, and how surprising those are that were written."""
    array = result.arrays["surprisal"]
    return {
        "kind": "surprisal",
        "tokens": [token.to_dict() for token in result.tokens],
        "values": plain(array.values),
        "unit": array.unit,
        "state": state,
        "notes": sentences(result.notes),
        "badges": badges(result.notes, origin),
    }


def rows(value: dict):
    """A row for each written token."""
    written = [token["text"] for token in value["tokens"] if token["segment"] == "generated"]
    cells = [(text, f"{number:.2f}") for text, number in zip(written, value["values"], strict=True)]
    return ("Written", f"Surprisal in {value['unit']}"), cells


def table(result: Result, *, width: int = 100) -> Table:
    """A line for each written token."""
    array = result.arrays["surprisal"]
    found = Table(box=None, padding=(0, 1), show_edge=False)
    found.add_column("written", justify="right", no_wrap=True)
    found.add_column(array.unit, justify="right", no_wrap=True)
    written = [token for token in result.tokens if token.segment == "generated"]
    for token, number in zip(written, array.values, strict=True):
        found.add_row(Text(label(token.text)), f"{number:.2f}")
    return found


FIGURE = Figure(
    component="surprisal",
    value=surprisal,
    drawing="Bars have no still form yet.",
    table=table,
    rows=rows,
)
