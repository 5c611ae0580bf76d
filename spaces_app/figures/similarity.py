"""A result about similar layers as the plain JSON that the LayerGrid component draws."""

from __future__ import annotations

from dataclasses import replace

from spaces_app.figures import layer_grid
from spaces_app.figures.packing import badges, packed, sentences
from spaces_app.figures.terminal.grids import similarity_table
from spaces_app.results import Result

LABELS = {"cka": "CKA", "svcca": "SVCCA", "pwcca": "PWCCA"}


def similarity(result: Result, *, state: str = "", origin: str = "") -> dict:
    """How alike every two layers are, by each measure that was asked."""
    notes = result.notes
    other = notes["other"] or {}
    present = [name for name in LABELS if name in result.arrays]
    matrices = [
        {"name": name, "label": LABELS[name], "unit": "", "high": 1.0, **packed(result.arrays[name].values)}
        for name in present
    ]
    across = "Layer"
    if other:
        across = "Layer of the other model" if other["model"] != notes["model"] else "Layer in the other text"
    return {
        "kind": "layer_grid",
        "rows": {"label": "Layer", "names": notes["layer_labels"]},
        "cols": {"label": across, "names": notes["other_labels"]},
        "matrices": matrices,
        "upward": True,
        "selected": [len(notes["layer_labels"]) - 1, 0],
        "hint": "1 where two layers hold the same of these tokens in another form, 0 where they share nothing.",
        "state": state,
        "notes": sentences(notes),
        "origin": origin,
        "badges": badges(
            notes,
            origin,
            ("Other model", other["model"] if other.get("model") not in (None, notes["model"]) else ""),
            ("Other text", other["text"] if other and notes["rows"] == "positions" else ""),
            ("Compared", f"{notes['n_rows']} {notes['rows']}"),
        ),
    }


FIGURE = replace(layer_grid.FIGURE, value=similarity, table=similarity_table, thumbnail="cka")
