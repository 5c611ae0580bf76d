"""Results whose figure is a grid as tables for the terminal: layers or neurons down, tokens or layers across."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from spaces_app.figures.terminal.cells import blocks, head, label
from spaces_app.results import Result


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
    parts: list[RenderableType] = [
        top,
        Text("Share of the layer"),
        *blocks(rows, columns, arrays["share"].values, width, upward=True),
    ]
    if "patching" in arrays:
        said = f"Each output {notes['check']}d: {arrays['patching'].unit}"
        parts += [Text(said), *blocks(rows, columns, arrays["patching"].values, width, upward=True)]
    return Group(*parts)


def similarity_table(result: Result, *, width: int = 100) -> Group:
    """Every two layers, the last on top, by each measure."""
    notes = result.notes
    parts: list[RenderableType] = [head(result, f"Similarity of layers over {notes['n_rows']} {notes['rows']}")]
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
    parts: list[RenderableType] = [head(result, f"{len(rows)} neurons, layer:number (cluster)")]
    for i, text in enumerate(notes["texts"], 1):
        array = result.arrays["activations" if i == 1 else f"activations_{i}"]
        columns = [label(text[t]["text"]) for t in array.axes["token" if i == 1 else f"token_{i}"]]
        parts += [Text(f"Text {i}"), *blocks(rows, columns, array.values, width)]
    return Group(*parts)
