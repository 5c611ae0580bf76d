"""The view state that links carry (`sel:4-6,unit:word`), read and written."""

from __future__ import annotations

import re

from spaces_app.link import notes_of, valid_view

CHOICES = {"unit": ("token", "word", "sentence"), "range": ("token", "output"), "view": ("flow", "percent", "matrix")}
_PART = re.compile(r"([a-z]+):([a-z0-9-]+)\Z", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?\Z", re.ASCII)
_NUMBER = re.compile(r"\d{1,6}\Z", re.ASCII)
_CURVE = re.compile(r"[a-z0-9-]{1,40}\Z", re.ASCII)


def parse_state(state: str, columns: int, rows: int) -> dict:
    """The understood parts of a view state: `sel` as [first, last] column, `in` as a token, `part` as a number (of the
    layer or head shown), `unit`, `range`, `view`, `curve` as a step score's name with hyphens, or "none", and `notes`
    as they travel.

    A stranger may have written it, so a part that is unknown, malformed or out of range is left out.
    """
    found: dict = {}
    if (notes := notes_of(state)) and valid_view(",".join(notes)):
        found["notes"] = notes
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
        elif key == "part" and _NUMBER.match(value):
            found["part"] = int(value)
        elif key == "curve" and _CURVE.match(value):
            found["curve"] = value
        elif value in CHOICES.get(key, ()):
            found[key] = value
    return found


def format_state(parts: dict) -> str:
    """The inverse of `parse_state`: `sel:4-6,unit:word`, in a fixed order."""
    texts = []
    for key in ("sel", "in", "unit", "range", "view", "curve", "part"):
        if key in parts:
            value = parts[key]
            texts.append(f"{key}:{value[0]}-{value[1]}" if key == "sel" else f"{key}:{value}")
    return ",".join([*texts, *parts.get("notes", ())])
