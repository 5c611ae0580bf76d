"""A result about layers as the plain JSON that the LayerGrid component draws."""

from __future__ import annotations

from collections.abc import Iterable

from spaces_app.arrays import NamedArray
from spaces_app.figures.base import Figure
from spaces_app.figures.packing import badges, packed, plain, sentences
from spaces_app.figures.still import grids, tables
from spaces_app.figures.terminal.layers import layers_table
from spaces_app.results import Result


def layer_grid(result: Result, *, state: str = "", origin: str = "") -> dict:
    """What each layer would have written before each token: ranks, probabilities, entropy, and the likeliest words."""
    notes, arrays = result.notes, result.arrays
    shown = (
        ("rank", "Rank", "", "rank", "of the written token"),
        ("probability", "Probability", "probability", "linear", "of the written token"),
        ("entropy", "Entropy", "nats", "linear", ""),
        ("kl", "Distance to the end", "nats", "log", "KL divergence of the last layer from this one"),
    )
    matrices = [
        {"name": name, "label": label, "unit": unit, "scale": scale, "about": about, **packed(arrays[name].values)}
        for name, label, unit, scale, about in shown
    ]
    columns = arrays["rank"].axes["token"]
    first = next((i for i, t in enumerate(columns) if result.tokens[t].segment == "generated"), 0)
    found = grid(result, "Layer", notes["layer_labels"], columns, matrices, state=state, origin=origin)
    watched = arrays.get("watched_rank")
    if watched is not None:
        found["watched_unit"] = "rank"
        found["watched"] = [
            {"label": word["text"], **packed(values)}
            for word, values in zip(notes["watched"], watched.values, strict=True)
        ]
    hint = "Each column is a token as it is about to be written; each row what that layer would write."
    return found | {"top": _top(result), "selected": [len(notes["layer_labels"]) - 1, first], "hint": hint}


def grid(
    result: Result, rows: str, names: Iterable, columns: Iterable[int], matrices: list[dict], *, state: str, origin: str
) -> dict:
    """A grid over some of the result's tokens."""
    tokens = [result.tokens[i] for i in columns]
    return {
        "kind": "layer_grid",
        "rows": {"label": rows, "names": [str(name) for name in names]},
        "cols": {
            "label": "Token",
            "names": [token.text for token in tokens],
            "segments": [token.segment for token in tokens],
        },
        "matrices": matrices,
        "upward": True,
        "selected": [0, 0],
        "state": state,
        "notes": sentences(result.notes),
        "origin": origin,
        "badges": badges(result.notes, origin),
    }


def _top(result: Result) -> list | None:
    """For each layer and token the likeliest words with their probabilities."""
    ids: NamedArray | None = result.arrays.get("top_ids")
    if ids is None:
        return None
    words, p = result.notes["vocabulary"], result.arrays["top_probabilities"].values
    return [
        [
            [[words[str(int(token))], share] for token, share in zip(cell, plain(shares), strict=True)]
            for cell, shares in zip(row, row_p, strict=True)
        ]
        for row, row_p in zip(ids.values, p, strict=True)
    ]


FIGURE = Figure(
    component="layer_grid",
    value=layer_grid,
    drawing=grids.layer_grid,
    table=layers_table,
    rows=tables.layer_grid,
    thumbnail="probability",
)
