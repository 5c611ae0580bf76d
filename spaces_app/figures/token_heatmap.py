"""An attribution result as the plain JSON that the TokenHeatmap component draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from spaces_app.arrays import NamedArray
from spaces_app.figures import packing
from spaces_app.figures.base import Figure
from spaces_app.figures.state import format_state, parse_state
from spaces_app.figures.still import heatmap, tables
from spaces_app.figures.terminal import maps
from spaces_app.methods import METHODS
from spaces_app.results import Result
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import first_content_token, sentence_ids, word_ids

MAX_PARTS = 1_000_000  # scores of single layers and heads that travel to the page; more would take it seconds
OTHERS = 5
_SHOWN_STEPS = ("probability", "entropy")  # beside what is explained or asked for; the rest is a choice of the curve


def token_heatmap(result: Result, *, state: str = "", origin: str = "", domain: Sequence[float] = ()) -> dict:
    """The component's value for a result with an array "attributions" of axes (input N, generated G).

    `state` is the view part of a link (`sel:4-6,unit:word,range:token,view:flow`); what it does not say is left to
    the component, and what is not understood is dropped. `origin` tells where the numbers come from: "recorded",
    "computed" or "stored". Scores travel as little-endian float32 in base64, NaN for cells that cannot exist; so do
    those of single layers and heads, where the result has them. `domain`, the lowest and highest score of a colour
    scale, fixes it, so that several maps can share one; without it each selection has its own.
    Raises ValueError when tokens and scores of the result do not belong together, or the domain is no interval.
    """
    scores = result.arrays["attributions"]
    generated = [i for i, token in enumerate(result.tokens) if token.segment == "generated"]
    if list(scores.axes) != ["input", "generated"] or scores.values.shape != (len(result.tokens), len(generated)):
        raise ValueError(f"attributions {scores.values.shape} do not fit {len(result.tokens)} tokens")
    rows, columns = scores.values.shape
    if domain and not (len(domain) == 2 and -math.inf < domain[0] <= domain[1] < math.inf):
        raise ValueError(f"{domain!r} is not a lowest and a highest score")
    asked = parse_state(state, columns, rows)
    first = first_content_token(result.tokens)
    selected = asked.get("sel") or ([generated.index(first)] * 2 if columns else [])
    notes, steps = result.notes, _steps(result)
    parts, left_out = _parts(result, scores)
    return {
        "kind": "token_heatmap",
        "tokens": [token.to_dict() for token in result.tokens],
        "groups": {"word": word_ids(result.tokens), "sentence": sentence_ids(result.tokens)},
        "generated": generated,
        "scores": {"rows": rows, "cols": columns, "f32": packing.packed(scores.values)["f32"] if columns else ""},
        "signed": bool(notes.get("signed", False)),
        "method": str(notes.get("method", "")),
        "target": str(notes.get("target", "")),
        "unit": scores.unit,
        "merge": "sum",
        "parts": parts,
        "steps": steps,
        "shown": _shown(result, steps),
        "step_labels": {name: _step_label(name) for name in steps},
        "others": _others(result, generated),
        "selected": selected,
        "state": format_state(asked),
        "notes": packing.sentences(notes) + left_out,
        "origin": origin,
        "badges": badges(result, origin),
        **({"domain": [float(end) for end in domain]} if domain else {}),
    }


def badges(result: Result, origin: str) -> list[dict[str, str]]:
    """What was asked, how far it can be trusted, and where it comes from: label, text, and a sentence on some."""
    notes, spec = result.notes, result.spec
    found = packing.badges(notes, origin)
    method = METHODS.get(getattr(spec, "method", ""))
    step = STEP_FUNCTIONS.get(getattr(spec, "step_function", ""))
    about = {
        "Method": method.description if method and method.label == notes.get("method") else "",
        "Target": f"{step.formula}, explained at each generated token." if step else "",
    }
    for badge in found:
        if about.get(badge["label"]):
            badge["about"] = about[badge["label"]]
    places = [i for i, badge in enumerate(found) if badge["label"] in ("Model", "Method", "Target")]
    after = places[-1] + 1 if places else 0
    return [*found[:after], *checks(notes), *found[after:]]


def checks(notes: dict) -> list[dict[str, str]]:
    """The findings about the numbers' worth as badges: label, text, sentence."""
    found = [
        {"label": str(check["label"]), "text": _number(check["value"]), "about": str(check["sentence"])}
        for check in notes.get("checks") or ()
    ]
    gaps = [abs(gap) for gap in notes.get("convergence_gap") or () if gap is not None and not math.isnan(gap)]
    if gaps and not found:
        sentence = "How far the scores of a token are from adding up to the change of the target, at worst."
        found = [{"label": "Completeness gap", "text": f"at most {max(gaps):.2g}", "about": sentence}]
    return found


def _number(value: float | str | None) -> str:
    if isinstance(value, str) or value is None:
        return value or "–"
    # Rounding errors of exact methods are no finding.
    return f"{float(value):.3g}".replace("-", "−") if abs(value) >= 1e-6 else "0"


def _steps(result: Result) -> dict[str, list[float | None]]:
    """Every step score of the result, the probability first and the one that is explained next."""
    array = result.arrays.get("step_scores")
    if array is None:
        return {}
    known = array.axes["step_function"]
    names = dict.fromkeys(("probability", getattr(result.spec, "step_function", ""), *known))
    return {name: packing.plain(array.select(step_function=name).values) for name in names if name in known}


def _shown(result: Result, steps: dict) -> list[str]:
    """The step scores told on hover: those that are explained or asked for, and two that always help."""
    spec = result.spec
    asked = getattr(spec, "step_scores", "").split(",")
    names = dict.fromkeys(("probability", getattr(spec, "step_function", ""), *asked, *_SHOWN_STEPS))
    return [name for name in names if name in steps]


def _others(result: Result, generated: list[int]) -> list[list[dict]]:
    """What the model might have written in place of each generated token: id, text, probability; likeliest first."""
    arrays, known = result.arrays, result.notes.get("alternative_tokens") or {}
    if "alternatives" not in arrays or len(arrays["alternatives"].values) != len(generated):
        return []
    table = zip(generated, arrays["alternative_ids"].values, arrays["alternatives"].values, strict=True)
    found = []
    for token, ids, likely in table:
        ours = result.tokens[token].id  # negative where tokens were merged, which have no others in common
        row = [(str(int(i)), float(p)) for i, p in zip(ids, likely, strict=True) if ours >= 0 and int(i) != ours]
        found.append([{"id": int(i), **known[i], "p": p} for i, p in row[:OTHERS] if i in known])
    return found


def _step_label(name: str) -> dict[str, str]:
    known = STEP_FUNCTIONS.get(name)
    return {"label": known.label, "unit": known.unit} if known else {"label": name.replace("_", " "), "unit": ""}


def _parts(result: Result, whole: NamedArray) -> tuple[list[dict], list[str]]:
    """(finer scores by layer, head or what else a method gives, a sentence when they are too many to send)."""
    found, left_out, room = [], [], MAX_PARTS
    for array in result.arrays.values():
        leading = list(itertools.islice(array.axes.items(), max(0, len(array.axes) - 2)))
        if not leading or list(array.axes)[-2:] != list(whole.axes) or array.values.shape[-2:] != whole.values.shape:
            continue
        if array.values.size > room:
            left_out.append(f"Scores by {' and '.join(name for name, _ in leading)} are in the saved result only.")
            continue
        room -= array.values.size
        axes = [[name, [str(label) for label in labels]] for name, labels in leading]
        flat = np.ascontiguousarray(array.values).reshape(-1, array.values.shape[-1])
        found.append({"axes": axes, "scores": packing.packed(flat)})
    return found, left_out


FIGURE = Figure(
    component="token_heatmap",
    value=token_heatmap,
    drawing=heatmap.token_heatmap,
    table=maps.attribution_table,
    rows=tables.token_heatmap,
    thumbnail="attributions",
)
