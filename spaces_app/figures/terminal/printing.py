"""A result printed to the terminal."""

from __future__ import annotations

from rich.console import Console

from spaces_app.figures.terminal import factors, grids, layers, maps, pairs
from spaces_app.results import Result


def print_result(result: Result, console: Console | None = None) -> None:
    """Print the table to the terminal."""
    tables = {
        "neuron_factors": factors.factors_table,
        "layers": layers.layers_table,
        "knowledge": grids.knowledge_table,
        "neurons": grids.neurons_table,
        "similarity": grids.similarity_table,
        "comparison": maps.comparison_table,
        "contrastive": pairs.contrastive_table,
        "context_reliance": pairs.context_table,
    }
    console = console or Console(highlight=False)
    table = tables.get(result.spec.kind, maps.attribution_table)
    console.print(table(result, width=console.width), soft_wrap=False)
