"""A result on the page: what its figure shows, and how the form relates to it."""

from __future__ import annotations

from dataclasses import dataclass

from spaces_app.figures import figure_value
from spaces_app.results import Result


@dataclass(frozen=True)
class Shown:
    """What a figure shows and how the form relates to it."""

    result: Result
    origin: str
    view: str = ""
    form: list | None = None

    def value(self) -> dict:
        """What the figure draws."""
        return figure_value(self.result, view=self.view, origin=self.origin)
