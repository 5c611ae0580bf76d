"""Notes that an author pinned, for files without scripts, read as `components/figure/pin-text.js` reads a view state.

A place is a token's number; "f3" the third factor; "2.5" row 2 and column 5 of a grid.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from spaces_app.figures.still import captions
from spaces_app.figures.still.units import units_of

MOST, LONGEST = 5, 140  # notes of a figure; UTF-16 units of a note, as browsers count them
MARKS = "①②③④⑤"
_PIN = re.compile(r"note:([a-z]?\d{1,6}(?:\.\d{1,6})?)-([A-Za-z0-9._~-]{1,440})\Z", re.ASCII)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ufeff]+")


@dataclass(frozen=True)
class Pin:
    """One note: its mark, where it is pinned, and its text, one line of whatever its author wrote."""

    mark: str
    place: str
    text: str


def pins_of(value: dict) -> tuple[Pin, ...]:
    """The notes of a figure's value whose places it has. What is damaged is left out, and so is a sixth."""
    matches = [match for part in value.get("state", "").split(",") if (match := _PIN.match(part))]
    found = [(match[1], text) for match in matches if (text := _read(match[2]))]
    kept = [(place, text) for place, text in found[:MOST] if name_of(value, place) is not None]
    return tuple(Pin(mark, place, text) for mark, (place, text) in zip(MARKS, kept))  # noqa: B905  (fewer notes)


def lines(value: dict) -> tuple[str, ...]:
    """The notes as numbered sentences for below a figure: mark, what they are pinned to, text."""
    return tuple(
        f"{pin.mark} ‘{name_of(value, pin.place)}’: {captions.label(pin.text, LONGEST)}" for pin in pins_of(value)
    )


def marks(pins: Iterable[Pin], places: Iterable[int | str]) -> str:
    """The marks of those notes that are on one of these places, in the order of the notes."""
    named = {str(place) for place in places}
    return "".join(pin.mark for pin in pins if pin.place in named)


def name_of(value: dict, place: str) -> str | None:
    """What stands at a place: the word that a token belongs to, a factor, a cell of a grid; None for no place."""
    if "rows" in value and "cols" in value:  # a grid
        row, dot, column = place.partition(".")
        names = value["rows"]["names"], value["cols"]["names"]
        if not dot or not row.isdecimal() or int(row) >= len(names[0]) or int(column) >= len(names[1]):
            return None
        return f"{captions.label(names[1][int(column)], 24)} · {captions.label(names[0][int(row)], 24)}"
    if place.startswith("f"):
        number = int(place[1:]) if place[1:].isdecimal() else 0
        factors = value.get("factors", ())
        return f"Factor {factors[number - 1]['number']}" if 0 < number <= len(factors) else None
    tokens = value.get("tokens", ())
    if not place.isdecimal() or int(place) >= len(tokens):
        return None
    if "groups" not in value:
        return captions.label(tokens[int(place)]["text"], 24)
    asked = re.search(r"(?:\A|,)unit:(token|word|sentence)(?:,|\Z)", value["state"])
    units = units_of(value, asked[1] if asked else "word")
    return captions.label(next(unit.text for unit in units if unit.first <= int(place) <= unit.last), 24)


def _read(packed: str) -> str:
    """The text of a note as it travels, "" for one that is damaged, empty or too long."""
    try:
        parts = [_unpacked(part) if i % 2 else part.replace("_", " ") for i, part in enumerate(packed.split("~"))]
    except binascii.Error:
        return ""
    text = _SPACES.sub(" ", "".join(parts)).strip()
    return text if len(text.encode("utf-16-le")) <= 2 * LONGEST else ""


def _unpacked(run: str) -> str:
    raw = base64.b64decode(run + "=" * (-len(run) % 4), altchars=b"-_", validate=True)
    return raw.decode("utf-16-be", "replace")
