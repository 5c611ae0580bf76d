"""Results whose figure is a grid as tables for the terminal: layers or neurons down, tokens or layers across."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from spaces_app.analyses.base import Result
from spaces_app.views.terminal import label, number

_CELL = 10  # characters of a column


def knowledge_table(result: Result, *, width: int = 100) -> Group:
    """The share of each token in its layer, the last layer on top, and below what the check says of each output."""
    notes, arrays = result.notes, result.arrays
    true, false = notes["true"], notes["false"]
    top = head(
        result,
        f"Feed-forward outputs that move {label(true['text'])} ({true['p']:.1%}) against {label(false['text'])} "
        f"({false['p']:.1%})",
    )
    columns = [label(result.tokens[i].text) for i in arrays["share"].axes["token"]]
    rows = notes["layer_labels"]
    parts = [top, Text("Share of the layer"), *blocks(rows, columns, arrays["share"].values, width, upward=True)]
    if "patching" in arrays:
        said = f"Each output {notes['check']}d: {arrays['patching'].unit}"
        parts += [Text(said), *blocks(rows, columns, arrays["patching"].values, width, upward=True)]
    return Group(*parts)


def blocks(
    rows: Sequence[str], columns: Sequence[str], values: np.ndarray, width: int, *, upward: bool = False
) -> list[Table]:
    """A matrix as tables of as many columns as the width has room for; the largest of each row is bold."""
    room = max(len(row) for row in rows) + 2
    per_block = max(1, (width - room) // (_CELL + 2))
    order = reversed(range(len(rows))) if upward else range(len(rows))
    order = list(order)
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


def similarity_table(result: Result, *, width: int = 100) -> Group:
    """Every two layers, the last on top, by each measure."""
    notes = result.notes
    parts = [head(result, f"Similarity of layers over {notes['n_rows']} {notes['rows']}")]
    for name, array in result.arrays.items():
        parts += [
            Text(name.upper()),
            *blocks(notes["layer_labels"], notes["other_labels"], array.values, width, upward=True),
        ]
    return Group(*parts)


def neurons_table(result: Result, *, width: int = 100) -> Group:
    """Neurons down with their clusters, tokens across, one table for each text."""
    notes = result.notes
    rows = [
        f"{neuron['layer']}:{neuron['index']}" + (f" ({neuron['cluster']})" if neuron["cluster"] else "")
        for neuron in notes["neurons"]
    ]
    parts = [head(result, f"{len(rows)} neurons, layer:number (cluster)")]
    for i, text in enumerate(notes["texts"], 1):
        array = result.arrays["activations" if i == 1 else f"activations_{i}"]
        columns = [label(text[t]["text"]) for t in array.axes["token" if i == 1 else f"token_{i}"]]
        parts += [Text(f"Text {i}"), *blocks(rows, columns, array.values, width)]
    return Group(*parts)
