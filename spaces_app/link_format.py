"""A spec as a link: `?s=` and base64url of raw deflate of its canonical JSON; the view state beside it."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Protocol

from spaces_app.errors import SpecError

MAX_LINK = 3800  # characters written after an address, so that with it they stay below 4,000
_LOOK = re.compile(r"[a-z0-9.,:-]{1,120}\Z", re.ASCII)
# A note of an author: a place of the figure, and up to 140 characters as letters that no address escapes.
_NOTE = re.compile(r"note:[a-z]?\d{1,6}(\.\d{1,6})?-[A-Za-z0-9._~-]{1,440}\Z", re.ASCII)
MAX_NOTES = 5


class Encodable(Protocol):
    """What links are made of: a question with a canonical text."""

    def canonical(self) -> str: ...


def encode(spec: Encodable) -> str:
    """The token of a spec: base64url of raw deflate of its canonical JSON (browsers can inflate that themselves)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(spec.canonical().encode("utf-8")) + deflate.flush()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def to_link(spec: Encodable, base: str = "", *, view: str = "") -> str:
    """`base?s=token`, with `&view=…` when the figure's selection and appearance travel too.

    Raises SpecError when all of it but `base` would be longer than MAX_LINK: the text is too long for a link.
    """
    query = f"?s={encode(spec)}" + (f"&view={view}" if valid_view(view) else "")
    if len(query) > MAX_LINK:
        raise SpecError(
            f"the text makes a link of {len(query):,} characters, more than {MAX_LINK:,}.",
            hint="Use the short link, or a shorter text.",
        )
    return base + query


def valid_view(view: str) -> bool:
    """Whether a view state (`sel:4-6,unit:word`) is of the form links carry, with at most MAX_NOTES notes."""
    notes = notes_of(view)
    look = ",".join(part for part in view.split(",") if not part.startswith("note:"))
    return len(notes) <= MAX_NOTES and all(map(_NOTE.match, notes)) and bool(_LOOK.match(look) if look else notes)


def notes_of(view: str) -> list[str]:
    """The notes in a view state, as they travel."""
    return [part for part in view.split(",") if part.startswith("note:")]
