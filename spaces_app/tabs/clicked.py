"""A word that was clicked in a figure, to compare with what the model wrote. Strangers may have written the event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spaces_app.errors import SpecError


@dataclass(frozen=True)
class Clicked:
    """What a figure tells of a click: "ask" names the question, the rest the word, its place and the output around it.

    id, text: the word. column: its place in the output. before, written: the output up to that place and as a whole.
    """

    ask: str
    id: int
    text: str
    column: int
    before: str
    written: str

    @classmethod
    def of(cls, event: Mapping, *asks: str) -> Clicked:
        """Raises SpecError where the event is not one of these questions, or lacks something."""
        texts: list[Any] = [event.get(name) for name in ("ask", "text", "before", "written")]
        numbers: list[Any] = [event.get(name) for name in ("id", "column")]
        fits = all(isinstance(item, str) for item in texts) and all(type(item) is int and item >= 0 for item in numbers)
        if not fits or event["ask"] not in asks:
            raise SpecError("this is not a word to compare with.", field="contrast")
        return cls(texts[0], numbers[0], texts[1], numbers[1], *texts[2:])

    def other(self, ours: tuple[int, ...]) -> dict:
        """The other output: what stands before the place stays, so that both differ where it was clicked.

        ours: the exact ids of the output, () where they are not known.
        """
        ids = (*ours[: self.column], self.id) if self.column < len(ours) else ()
        return {"contrast": self.before + self.text, "contrast_ids": ids}
