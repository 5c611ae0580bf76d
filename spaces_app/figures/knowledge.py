"""A result about where knowledge sits as the plain JSON that the LayerGrid component draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spaces_app.figures import layer_grid
from spaces_app.figures.layer_grid import grid
from spaces_app.figures.packing import badges, packed
from spaces_app.figures.terminal.grids import knowledge_table
from spaces_app.results import Result

CHECKS = {
    "remove": ("Removed", "what is lost when this output is set to zero"),
    "restore": ("Restored", "what comes back when a text about something else is given this output"),
}


def knowledge(result: Result, *, state: str = "", origin: str = "") -> dict:
    """Which layer's feed-forward part, at which token, moves the true word against the false one."""
    notes, arrays = result.notes, result.arrays
    check, what = CHECKS.get(notes["check"], ("", ""))
    shown = (
        ("share", "Share of the layer", "", False, "strength, divided by the sum of its layer"),
        ("strength", "Strength", "strength", False, "size of output times gradient"),
        ("attribution", "Attribution", "attribution", True, "for the true word or against it"),
        ("patching", check, "patching", True, what),
    )
    # A difference of two probabilities may be 2: it is not shown as one.
    matrices = [
        {
            "name": name,
            "label": label,
            "unit": "" if not unit or arrays[unit].unit == "probability" else arrays[unit].unit,
            "signed": signed,
            "about": about,
            **packed(arrays[name].values),
        }
        for name, label, unit, signed, about in shown
        if name in arrays
    ]
    columns = arrays["share"].axes["token"]
    strongest = np.unravel_index(int(np.nanargmax(arrays["strength"].values)), arrays["strength"].values.shape)
    found = grid(result, "Layer", notes["layer_labels"], columns, matrices, state=state, origin=origin)
    return found | {
        "badges": badges(notes, origin, *_more(notes)),
        "selected": [int(index) for index in strongest],
        "hint": "The output of each layer's feed-forward part at each token: how it moves the true word against the "
        "false one.",
    }


def _more(notes: dict) -> list[tuple[str, str]]:
    """Words with their probabilities, and how well map and check agree."""
    words = [
        (label, f"{notes[name]['text'].strip()} {notes[name]['p']:.1%}")
        for label, name in (("True", "true"), ("False", "false"))
    ]
    agreement = (notes.get("agreement") or {}).get("strength")
    return words + ([] if agreement is None else [("Check", f"agrees with strength, rank correlation {agreement:.2f}")])


FIGURE = replace(layer_grid.FIGURE, value=knowledge, table=knowledge_table, thumbnail="strength")
