"""A result printed to the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from spaces_app.figures import FIGURES
from spaces_app.figures.terminal.cells import summary
from spaces_app.results import Result


def print_result(result: Result, console: Console | None = None) -> None:
    """Print the table of the result's figure; without one a line that says which numbers there are, and why so."""
    console = console or Console(highlight=False)
    figure = FIGURES.get(result.spec.kind)
    table = figure.table if figure else "It has no figure."
    if isinstance(table, str):
        kind = result.spec.kind.replace("_", " ")
        console.print(Text(f"{summary(result)}\nThe terminal has no table of {kind}: {table} --json has the numbers."))
    else:
        console.print(table(result, width=console.width), soft_wrap=False)
