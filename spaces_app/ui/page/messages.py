"""The page's own sentences and the small records its scripts draw."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spaces_app.errors import AppError

NAME = "Seqscope"
TAGLINE = "See why a language model wrote each word."
TOO_LONG = (
    "This text is too long for a link that carries it. This short link works as long as this server keeps the result."
)
FORGOTTEN = "The result of this short link is no longer kept here. Ask for the long link, or run the analysis again."
GONE = "The result on screen is no longer kept here. Press Run to compute it."
ASK_FIRST = "Opened from a link. Press Run to compute it."

IDLE = {"tone": "idle", "text": ""}
STOPPED = {"tone": "note", "text": "Stopped."}
OPENING = {"tone": "busy", "text": "Opening the link …"}
ASK = {"tone": "note", "text": ASK_FIRST}

LOOKING = "Finding out what each takes …"
UNKNOWN_TIME = "What each takes is known once this model has answered here."


def stranger(models: Sequence[str]) -> dict:
    """Said of a link to models that have not been used here: nothing of them is fetched before Run is pressed."""
    names = " and ".join(f"“{name:.100}”" for name in models)
    return {"tone": "note", "text": f"This link asks for {names}, not used here so far. Run loads it and computes."}


def expected(seconds: float) -> str:
    """What the page says a question will take."""
    if seconds < 1:
        return "Takes under a second."
    return f"Takes about {seconds:.0f} s." if seconds < 90 else f"Takes about {seconds / 60:.0f} min."


def sentence(words: str) -> str:
    """With a capital at the start."""
    return words[:1].upper() + words[1:]


def failed(error: AppError) -> dict:
    """What the status line shows for an error: the sentence that command line and API give too."""
    return {"tone": "error", "text": str(error), "field": error.field}


def progress(done: int, total: int, what: str, waiting: int) -> dict:
    """What the status line shows while something happens; `waiting` counts those that have not begun."""
    text = f"{what} …"
    if what == "Waiting":
        text = f"Waiting in a queue of {waiting} …" if waiting > 1 else "Waiting to start …"
    elif total > 1 and not re.search(r"\d of \d", what):
        text = f"{what}: {done:,} of {total:,}"
    return {"tone": "busy", "text": text, "done": done, "total": total}
