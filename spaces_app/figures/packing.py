"""What several views need: matrices as text, token lists, badges and notes."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable

import numpy as np


def packed(values: np.ndarray) -> dict:
    """A matrix as little-endian float32 in base64, by rows; NaN for cells that cannot exist."""
    values = np.atleast_2d(values)
    data = base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
    return {"rows": values.shape[0], "cols": values.shape[1], "f32": data}


def plain(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON: None for NaN, seven digits, which is what float32 holds."""
    return [None if math.isnan(value) else float(f"{value:.7g}") for value in values]


def sentences(notes: dict) -> list[str]:
    """What a reader of the figure should know beside it."""
    found = [str(sentence) for sentence in notes.get("warnings") or ()]
    if notes.get("forced"):
        found.append("The output was given, not written by the model.")
    return found


def badges(notes: dict, origin: str, *more: tuple[str, str]) -> list[dict[str, str]]:
    """Model, method, target, what is special, time and origin as label and text; empty texts are left out."""
    revision = str(notes.get("revision") or "")[:8]
    model = str(notes.get("model") or "") + (f" @ {revision}" if revision else "")
    seconds = sum(float(value) for value in (notes.get("seconds") or {}).values() if value)
    origins = {"recorded": f"recorded {notes.get('recorded') or ''}".strip(), "stored": "from the store"}
    pairs = [
        ("Model", model),
        ("Method", str(notes.get("method") or "")),
        ("Target", str(notes.get("target") or "")),
        *more,
        ("Time", f"{seconds:.1f} s" if seconds >= 0.05 else ""),
        ("Result", origins.get(origin, origin)),
    ]
    return [{"label": label, "text": text} for label, text in pairs if text]
