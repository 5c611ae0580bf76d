"""A result about layers as a table for the terminal: the rank of each written token after every layer."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from spaces_app.results import Result

_CELL = 9  # characters of a column


def layers_table(result: Result, *, width: int = 100) -> Group:
    """Layers down, the last on top, tokens across, in as many blocks as the width needs. Rank 1 is the likeliest."""
    notes, ranks = result.notes, result.arrays["rank"]
    columns, labels = ranks.axes["token"], notes["layer_labels"]
    per_block = max(1, (width - 14) // (_CELL + 2))
    head = Text(f"Rank after each layer · {notes['model']} ({notes['revision'][:8]})\n{result.text}")
    for warning in notes.get("warnings", ()):
        head.append(f"\nNote: {warning}", style="yellow")
    blocks = []
    for start in range(0, len(columns), per_block):
        some = range(start, min(start + per_block, len(columns)))
        table = Table(box=None, padding=(0, 1), show_edge=False)
        table.add_column("", justify="right", no_wrap=True)
        for column in some:
            text = result.tokens[columns[column]].text.strip() or "␣"
            table.add_column(Text(text[:_CELL]), justify="right", no_wrap=True)
        for layer in reversed(range(len(labels))):
            row = [int(ranks.values[layer, column]) for column in some]
            table.add_row(Text(labels[layer]), *(Text(f"{r:,}", style="bold" if r == 1 else "") for r in row))
        blocks.append(table)
    return Group(head, *blocks)
