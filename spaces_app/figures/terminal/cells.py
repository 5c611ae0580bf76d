"""What several tables of the terminal are made of: numbers, labels of tokens, matrices in blocks, the line above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from spaces_app.results import Result

_CELL = 10  # characters of a column


def number(value: float) -> str:
    """A score in few characters."""
    return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"


def label(text: str) -> str:
    """A token's text with white space and control characters made visible."""
    shown = "".join(_visible(char) for char in text.strip(" "))
    return shown or ("␣" if text else "·")


def _visible(char: str) -> str:
    if char == "\n":
        return "⏎"
    if ord(char) < 32:
        return chr(0x2400 + ord(char))
    return "␡" if char == "\x7f" else char


def summary(result: Result) -> str:
    """One line: what was asked, what was written, which numbers there are."""
    arrays = ", ".join(f"{name} {array.values.shape}" for name, array in result.arrays.items())
    return f"<{result.spec.kind} of {result.spec.model}: {result.text!r:.80}; {arrays}>"


def blocks(
    rows: Sequence[str], columns: Sequence[str], values: np.ndarray, width: int, *, upward: bool = False
) -> list[Table]:
    """A matrix as tables of as many columns as the width has room for; the largest of each row is bold."""
    room = max(len(row) for row in rows) + 2
    per_block = max(1, (width - room) // (_CELL + 2))
    order = list(range(len(rows)))[:: -1 if upward else 1]
    sizes = np.abs(np.nan_to_num(values))
    tables = []
    for start in range(0, len(columns), per_block):
        some = range(start, min(start + per_block, len(columns)))
        table = Table(box=None, padding=(0, 1), show_edge=False)
        table.add_column("", justify="right", no_wrap=True)
        for column in some:
            table.add_column(Text(columns[column][:_CELL]), justify="right", no_wrap=True)
        for row in order:
            largest = sizes[row].max() if sizes[row].size else 0.0
            table.add_row(Text(rows[row]), *(_cell(values[row, c], sizes[row, c] == largest > 0) for c in some))
        tables.append(table)
    return tables


def _cell(value: float, bold: bool) -> Text:
    return Text("" if np.isnan(value) else number(float(value)), style="bold" if bold else "")


def head(result: Result, title: str) -> Text:
    """The line above a table: what it is, of which model, and what the reader should know."""
    notes = result.notes
    found = Text(f"{title} · {notes['model']} ({notes['revision'][:8]})")
    for warning in notes.get("warnings", ()):
        found.append(f"\nNote: {warning}", style="yellow")
    return found
