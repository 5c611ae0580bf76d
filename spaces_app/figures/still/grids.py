"""Still pictures of grids: layers by tokens, neurons by tokens, layers by layers. The same shades as on screen."""

from __future__ import annotations

import base64
import math
import re

import numpy as np

from spaces_app.errors import NotSupported
from spaces_app.figures.still import captions
from spaces_app.figures.still.drawing import Drawing, Grid, Legend
from spaces_app.figures.still.pins import Pin, pins_of

_STATE = re.compile(r"([a-z]+):([a-z0-9-]{1,40})")
_MAX_CELLS = 40_000  # a picture with more is neither readable nor light
_LEAST = 0.02  # the shade of the lowest rank


def layer_grid(value: dict) -> Drawing:
    """The matrix and the cell that the view names, else the first matrix and the cell the figure opens with."""
    rows, columns = (value[side]["names"] for side in ("rows", "cols"))
    if len(rows) * len(columns) > _MAX_CELLS:
        raise NotSupported(
            f"a still picture of {len(rows):,} × {len(columns):,} cells would not be readable.",
            hint="Choose fewer rows, or save the figure as HTML.",
        )
    matrix, (row, column) = _asked(value)
    values = _values(matrix)
    high = _high(matrix, values)
    order = range(len(rows) - 1, -1, -1) if value["upward"] else range(len(rows))
    pinned = pins_of(value)
    at_row, at_column = (_marked(pinned, part) for part in (0, 1))
    grid = Grid(
        rows=tuple(at_row.get(r, "") + captions.label(rows[r], 24) for r in order),
        columns=tuple(
            at_column.get(c, "") + (captions.label(name, 24) if name.strip() else "") for c, name in enumerate(columns)
        ),
        shades=tuple(tuple(_shade(matrix, float(cell), high) for cell in values[r]) for r in order),
    )
    return Drawing(
        title=captions.visible(f"{matrix['label']}: {value['rows']['label']} × {value['cols']['label']}"),
        grid=grid,
        legend=_legend(matrix, high),
        caption=f"‘{captions.label(columns[column], 32)}’ · {captions.label(rows[row], 32)}: "
        f"{_in_sentence(matrix['label'])} {_number(matrix, float(values[row, column]))}. {value['hint']}",
        notes=(_provenance(value), *(captions.visible(note) for note in value["notes"])),
    )


def _in_sentence(label: str) -> str:
    return label if re.search("[A-Z]{2}", label) else label.lower()


def _marked(pinned: tuple[Pin, ...], part: int) -> dict[int, str]:
    """The marks of the notes in each row (part 0) or column (1), with a space, for in front of its name."""
    found: dict[int, str] = {}
    for pin in pinned:
        number = int(pin.place.split(".")[part])
        found[number] = found.get(number, "").rstrip() + f"{pin.mark} "
    return found


def _asked(value: dict) -> tuple[dict, tuple[int, int]]:
    """The matrix and the cell of the view; what it names wrongly is as if it were not there."""
    asked = {match[1]: match[2] for part in value["state"].split(",") if (match := _STATE.fullmatch(part))}
    by_name = {matrix["name"].replace("_", "-"): matrix for matrix in value["matrices"]}
    matrix = by_name.get(asked.get("show", ""), value["matrices"][0])
    cell = re.fullmatch(r"(\d{1,6})-(\d{1,6})", asked.get("sel", ""), re.ASCII)
    row, column = (int(cell[1]), int(cell[2])) if cell else value["selected"]
    if row >= matrix["rows"] or column >= matrix["cols"]:
        row, column = value["selected"]
    return matrix, (row, column)


def _values(matrix: dict) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(matrix["f32"]), dtype="<f4")
    return flat.reshape(matrix["rows"], matrix["cols"])


def _high(matrix: dict, values: np.ndarray) -> float:
    """The end of the scale: what the matrix says, else its largest value."""
    if matrix.get("high") is not None:
        return float(matrix["high"])
    sizes = np.abs(values[~np.isnan(values)])
    return float(sizes.max()) if sizes.size else 0.0


def _shade(matrix: dict, value: float, high: float) -> float | None:
    """-1 to 1. Ranks are logarithmic and the other way round: rank 1 is the darkest."""
    if math.isnan(value):
        return None
    size, scale = abs(value), matrix.get("scale", "linear")
    if scale == "rank":
        return max(_LEAST, 1 - math.log10(max(1.0, value)) / math.log10(max(high, 10.0)))
    part = math.log1p(size) / math.log1p(max(high, 1e-12)) if scale == "log" else size / max(high, 1e-12)
    return -part if matrix.get("signed") and value < 0 else part


def _number(matrix: dict, value: float) -> str:
    if math.isnan(value):
        return "–"
    if matrix.get("unit") == "probability" and not matrix.get("signed"):
        return captions.probability(value)
    shown = f"{value:,.0f}" if matrix.get("scale") == "rank" else captions.score(value)
    return shown + (f" {matrix['unit']}" if matrix.get("unit") else "")


def _legend(matrix: dict, high: float) -> Legend:
    about = matrix["label"] + (f": {matrix['about']}" if matrix.get("about") else "")
    if matrix.get("scale") == "rank":
        return Legend(f"{high:,.0f}", "1", captions.visible(about))
    top = _number(matrix, high)
    signed = bool(matrix.get("signed"))
    return Legend(f"−{top}" if signed else "0", top, captions.visible(about), signed)


def _provenance(value: dict) -> str:
    facts = {badge["label"]: badge["text"] for badge in value["badges"]}
    made = re.sub(r"\Arecorded", "recorded on", facts.get("Result", ""))
    return captions.visible(" · ".join(part for part in (facts.get("Model", ""), made, "Seqscope") if part))
