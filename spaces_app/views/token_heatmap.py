"""An attribution result as the plain JSON that the TokenHeatmap component draws. Knows nothing of pages or models."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence

import numpy as np

from spaces_app.analyses.base import Result
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import first_content_token, sentence_ids, word_ids

CHOICES = {"unit": ("token", "word", "sentence"), "range": ("token", "output"), "view": ("flow", "percent", "matrix")}
_SHOWN_STEPS = ("probability", "entropy")  # beside the step score that is explained; the rest stays in the result
_PART = re.compile(r"([a-z]+):([a-z0-9-]+)\Z", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?\Z", re.ASCII)


def token_heatmap(result: Result, *, state: str = "", origin: str = "") -> dict:
    """The component's value for a result with an array "attributions" of axes (input N, generated G).

    `state` is the view part of a link (`sel:4-6,unit:word,range:token,view:flow`); what it does not say is left to
    the component, and what is not understood is dropped. `origin` tells where the numbers come from: "recorded",
    "computed" or "stored". Scores travel as little-endian float32 in base64, NaN for cells that cannot exist.
    Raises ValueError when tokens and scores of the result do not belong together.
    """
    scores = result.arrays["attributions"]
    generated = [i for i, token in enumerate(result.tokens) if token.segment == "generated"]
    if list(scores.axes) != ["input", "generated"] or scores.values.shape != (len(result.tokens), len(generated)):
        raise ValueError(f"attributions {scores.values.shape} do not fit {len(result.tokens)} tokens")
    rows, columns = scores.values.shape
    asked = parse_state(state, columns, rows)
    first = first_content_token(result.tokens)
    selected = asked.get("sel") or ([generated.index(first)] * 2 if columns else [])
    notes, steps = result.notes, _steps(result)
    return {
        "kind": "token_heatmap",
        "tokens": [token.to_dict() for token in result.tokens],
        "groups": {"word": word_ids(result.tokens), "sentence": sentence_ids(result.tokens)},
        "generated": generated,
        "scores": {"rows": rows, "cols": columns, "f32": _base64(scores.values)},
        "signed": bool(notes.get("signed", False)),
        "method": str(notes.get("method", "")),
        "target": str(notes.get("target", "")),
        "unit": scores.unit,
        "merge": "sum",
        "steps": steps,
        "step_labels": {name: _step_label(name) for name in steps},
        "selected": selected,
        "state": format_state(asked),
        "notes": _notes(notes),
        "origin": origin,
        "badges": _badges(notes, origin),
    }


def parse_state(state: str, columns: int, rows: int) -> dict:
    """The understood parts of a view state: `sel` as [first, last] column, `in` as a token, `unit`, `range`, `view`.

    A stranger may have written it, so a part that is unknown, malformed or out of range is left out.
    """
    found: dict = {}
    for part in state.split(","):
        match = _PART.match(part)
        if match is None:
            continue
        key, value = match.groups()
        span = _SPAN.match(value)
        if key == "sel" and span:
            first, last = int(span[1]), int(span[2] or span[1])
            if first <= last < columns:
                found["sel"] = [first, last]
        elif key == "in" and span and not span[2] and int(value) < rows:
            found["in"] = int(value)
        elif value in CHOICES.get(key, ()):
            found[key] = value
    return found


def format_state(parts: dict) -> str:
    """The inverse of `parse_state`: `sel:4-6,unit:word`, in a fixed order."""
    texts = []
    for key in ("sel", "in", "unit", "range", "view"):
        if key in parts:
            value = parts[key]
            texts.append(f"{key}:{value[0]}-{value[1]}" if key == "sel" else f"{key}:{value}")
    return ",".join(texts)


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _steps(result: Result) -> dict[str, list[float | None]]:
    """The step scores shown on hover: the probability first, then the one that is explained, then the entropy."""
    array = result.arrays.get("step_scores")
    if array is None:
        return {}
    explained = getattr(result.spec, "step_function", "")
    names = dict.fromkeys(("probability", explained, *_SHOWN_STEPS))
    known = [name for name in names if name in array.axes["step_function"]]
    return {name: _plain(array.select(step_function=name).values) for name in known}


def _step_label(name: str) -> dict[str, str]:
    known = STEP_FUNCTIONS.get(name)
    return {"label": known.label, "unit": known.unit} if known else {"label": name.replace("_", " "), "unit": ""}


def _plain(values: Sequence[float]) -> list[float | None]:
    # Seven digits: what float32 holds. More would only make the page heavier.
    return [None if math.isnan(value) else float(f"{value:.7g}") for value in values]


def _notes(notes: dict) -> list[str]:
    sentences = [str(sentence) for sentence in notes.get("warnings") or ()]
    if notes.get("forced"):
        sentences.append("The output was given, not written by the model.")
    return sentences


def _badges(notes: dict, origin: str) -> list[dict[str, str]]:
    revision = str(notes.get("revision") or "")[:8]
    model = str(notes.get("model") or "") + (f" @ {revision}" if revision else "")
    gaps = [abs(gap) for gap in notes.get("convergence_gap") or () if gap is not None and not math.isnan(gap)]
    seconds = sum(float(value) for value in (notes.get("seconds") or {}).values() if value)
    origins = {"recorded": f"recorded {notes.get('recorded') or ''}".strip(), "stored": "from the store"}
    pairs = [
        ("Model", model),
        ("Method", str(notes.get("method") or "")),
        ("Target", str(notes.get("target") or "")),
        ("Completeness gap", f"at most {max(gaps):.2g}" if gaps else ""),
        ("Time", f"{seconds:.1f} s" if seconds >= 0.05 else ""),
        ("Result", origins.get(origin, origin)),
    ]
    return [{"label": label, "text": text} for label, text in pairs if text]
