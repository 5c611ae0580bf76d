"""Still pictures of the figures that compare two runs: what speaks for A and against B; what of the context matters.

Both are drawn as the words before one place of the output, in the shades of that place's scores.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from spaces_app.figures.packing import packed
from spaces_app.figures.state import parse_state
from spaces_app.figures.still import captions
from spaces_app.figures.still.drawing import Drawing
from spaces_app.figures.still.heatmap import token_heatmap
from spaces_app.figures.still.units import scores_of
from spaces_app.link import notes_of

_SHOWN = re.compile(r"(?:\A|,)show:(difference|a|b)(?:,|\Z)")
_METRIC = re.compile(r"(?:\A|,)metric:([a-z-]+)(?:,|\Z)")


def contrastive(value: dict) -> Drawing:
    """The scores of A − B, or of either alone, as the view says, at the selected place."""
    shown = _SHOWN.search(value["state"])
    scores = value["scores"].get(shown[1] if shown else "difference") or value["scores"]["difference"]
    column = _column(value, value["compared"][0] if value["compared"] else 0)
    plain = _heatmap(value, scores, column, [token["p"] for token in value["a"]])
    made = token_heatmap(plain)
    if column is None or value["b"][column] is None:
        return made
    a, b = value["a"][column], value["b"][column]
    return replace(made, caption=f"{_said(a)} rather than {_said(b)}. {made.caption}")


def context_reliance(value: dict) -> Drawing:
    """The context's words in the shades of what they do for the selected word, else for the one that needs it most."""
    asked = _METRIC.search(value["state"])
    name = asked[1].replace("-", "_") if asked else value["defaults"]["metric"]
    metric = next((m for m in value["metrics"] if m["name"] == name), value["metrics"][0])
    sizes = [abs(v) if v is not None else -1.0 for v in metric["values"]]
    column = _column(value, int(np.argmax(sizes)) if sizes else 0)
    table = np.full((len(value["tokens"]), len(value["generated"])), np.nan)
    table[value["context"]] = scores_of(value)
    made = token_heatmap(_heatmap(value, packed(table), column, value["p_with"]))
    if column is None:
        return made
    text = captions.label(value["tokens"][value["generated"][column]]["text"], 32)
    with_, without = (_probability(value[side][column]) for side in ("p_with", "p_without"))
    changed = f"‘{text}’ has {with_} with the context and {without} without it. "
    return replace(made, caption=changed + made.caption.partition(" The model gave ")[0])


def _column(value: dict, default: int) -> int | None:
    n = len(value["generated"])
    asked = parse_state(value["state"], n, len(value["tokens"])).get("sel")
    return asked[0] if asked else default if n else None


def _heatmap(value: dict, scores: dict, column: int | None, probabilities: list) -> dict:
    """The token heatmap's value with these scores."""
    asked = parse_state(value["state"], len(value["generated"]), len(value["tokens"]))
    unit = [f"unit:{asked['unit']}"] if "unit" in asked else []
    kept = ("tokens", "groups", "generated", "signed", "method", "target", "unit", "notes", "badges")
    return {name: value[name] for name in kept} | {
        "kind": "token_heatmap",
        "scores": scores,
        "steps": {"probability": probabilities},
        "selected": [] if column is None else [column, column],
        "state": ",".join([*unit, *notes_of(value["state"])]),
    }


def _said(token: dict) -> str:
    return f"‘{captions.label(token['text'], 32)}’ ({_probability(token['p'])})"


def _probability(p: float | None) -> str:
    return "–" if p is None or math.isnan(p) else captions.probability(p)
