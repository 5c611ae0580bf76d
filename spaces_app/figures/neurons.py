"""A result about single neurons as the plain JSON that the LayerGrid component draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spaces_app.figures import layer_grid
from spaces_app.figures.layer_grid import grid
from spaces_app.figures.packing import badges, packed
from spaces_app.figures.terminal.grids import neurons_table
from spaces_app.results import Result
from spaces_app.tokens import Token

GAP = "│"  # the name of the empty column between two texts


def neurons(result: Result, *, state: str = "", origin: str = "") -> dict:
    """Neurons along one text or several side by side; those of one cluster stand together."""
    notes, arrays = result.notes, result.arrays
    table, columns = _side_by_side(result)
    largest = np.nanmax(np.abs(table), 1, keepdims=True)
    shown = [
        ("activation", "Activation", "", table),
        (
            "normalised",
            "Part of the largest",
            "each neuron's activation, divided by its largest",
            _divided(table, largest),
        ),
    ]
    if "cluster" in arrays:
        means = _means(_divided(table, largest), arrays["cluster"].values)
        shown.append(("cluster", "Mean of the cluster", "of the parts of the largest", means))
    matrices = [
        {"name": name, "label": label, "unit": "", "signed": True, "about": about, **packed(values)}
        for name, label, about, values in shown
    ]
    names = [
        f"{neuron['layer']}:{neuron['index']}" + (f" · {neuron['cluster']}" if neuron["cluster"] else "")
        for neuron in notes["neurons"]
    ]
    found = grid(result, "Neuron", names, (), matrices, state=state, origin=origin)
    row, column = np.unravel_index(int(np.nanargmax(table)), table.shape)
    return found | {
        "cols": {
            "label": "Token",
            "names": [token.text if token else GAP for token in columns],
            "segments": [token.segment if token else "prompt" for token in columns],
        },
        "upward": False,
        "along": True,
        "selected": [int(row), int(column)],
        "badges": badges(notes, origin, ("Read", f"what goes into {notes['module']}")),
        "hint": "Layer and number of each neuron, and its cluster; one colour where it is above zero, another below.",
    }


def _side_by_side(result: Result) -> tuple[np.ndarray, list[Token | None]]:
    """All texts' activations with an empty column between two, and the token of each column."""
    tables: list[np.ndarray] = []
    columns: list[Token | None] = []
    for i, text in enumerate(result.notes["texts"], 1):
        array = result.arrays["activations" if i == 1 else f"activations_{i}"]
        if i > 1:
            tables.append(np.full((len(array.values), 1), np.nan, dtype=np.float32))
            columns.append(None)
        tables.append(array.values)
        tokens = [Token.from_dict(token) for token in text]
        columns += [tokens[t] for t in array.axes["token" if i == 1 else f"token_{i}"]]
    return np.concatenate(tables, 1), columns


def _divided(table: np.ndarray, largest: np.ndarray) -> np.ndarray:
    return table / np.where(largest > 0, largest, 1)


def _means(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """In each row the mean over the rows of its cluster."""
    found = np.empty_like(table)
    for label in np.unique(labels):
        found[labels == label] = table[labels == label].mean(0)
    return found


FIGURE = replace(layer_grid.FIGURE, value=neurons, table=neurons_table, thumbnail="activations")
