"""Where the numbers on screen come from, and whether computing them anew gives the same."""

from __future__ import annotations

import math

import numpy as np

from spaces_app.results import Result
from spaces_app.serving.gallery import differences

# Float32 sums in another order, as other threads or another machine make them, differ by less than this.
TOLERANCE = 1e-5  # of the largest number of the same array
_SAID = {"recorded": "Recorded on", "stored": "Computed on"}


def record(result: Result, origin: str, verdict: str = "") -> dict:
    """What the line under a figure says: {"text", "digest", "verdict"}; {} for what has just been computed.

    `verdict` is the sentence about a second computation, which makes the line worth having for any result.
    """
    said = _SAID.get(origin, "")
    if not said and not verdict:
        return {}
    return {"text": f"{said or 'Computed anew on'} {made(result)}.", "digest": result.spec.digest(), "verdict": verdict}


def made(result: Result) -> str:
    """When and with what a result was computed: "2026-01-31 with gpt2 (1a2b3c4, float32, cpu), torch 2.8"."""
    notes = result.notes
    facts = [str(notes.get("revision") or "")[:7], str(notes.get("dtype") or ""), str(notes.get("device") or "")]
    inside = ", ".join(fact for fact in facts if fact)
    model = f"{notes.get('model', '')} ({inside})" if inside else str(notes.get("model", ""))
    versions = [f"{name} {version}" for name, version in (notes.get("versions") or {}).items() if name != "python"]
    return f"{notes.get('recorded') or 'an unknown day'} with {', '.join([model, *versions])}"


def verdict(old: Result, new: Result) -> str:
    """Whether two answers to one question agree: the largest absolute difference over all arrays, and of what."""
    day = old.notes.get("recorded") or "an unknown day"
    if old.tokens != new.tokens:
        return f"The tokens are not those of {day}, so the numbers cannot be compared."
    both = {name: gap for name, gap in differences(old, new).items() if name in old.arrays and name in new.arrays}
    other = [name for name, gap in both.items() if math.isinf(gap)]
    if other:
        return f"The numbers are not those of {day}: {_plain(other[0])} has another shape or other empty cells."
    if not both:
        return "There are no numbers to compare."
    added = [_plain(name) for name in [*new.arrays, *old.arrays] if name not in both]
    rest = f" Only one of the two has {', '.join(added)}." if added else ""
    name = max(both, key=both.__getitem__)
    if both[name] == 0:
        return f"Every number is exactly that of {day}.{rest}"
    agree = all(gap <= TOLERANCE * max(_scale(old, name), 1e-30) for name, gap in both.items())
    size = f"the largest absolute difference is {both[name]:.2g}, in {_plain(name)} of up to {_scale(old, name):.3g}"
    return f"The numbers {'agree with' if agree else 'differ from'} those of {day}: {size}.{rest}"


def _scale(result: Result, name: str) -> float:
    return float(np.nan_to_num(np.abs(result.arrays[name].values)).max(initial=0.0))


def _plain(name: str) -> str:
    return name.replace("_", " ")
