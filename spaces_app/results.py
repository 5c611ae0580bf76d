"""What an analysis answers: tokens, named numbers and notes, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from spaces_app.arrays import NamedArray
from spaces_app.spec import Spec
from spaces_app.tokens import Token


@dataclass(frozen=True)
class Result:
    """The answer to a spec: tokens, named numbers and how they came about. Picklable, and JSON both ways.

    `spec` is pinned: it names the model's revision and the exact generated ids, so that asking it again gives the
    same numbers. `notes` holds what is not an array: model facts, library versions, dtype, seconds, warnings.
    """

    # What notebooks show of a result; the package that draws figures puts it here.
    display: ClassVar[Callable[[Result], dict[str, str]] | None] = None

    spec: Spec
    tokens: tuple[Token, ...]
    arrays: dict[str, NamedArray]
    notes: dict = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Plain data, ready for `json.dumps(..., allow_nan=False)`."""
        return {
            "spec": self.spec.to_dict(),
            "tokens": [token.to_dict() for token in self.tokens],
            "arrays": {name: array.to_dict() for name, array in self.arrays.items()},
            "notes": self.notes,
        }

    @classmethod
    def from_dict(cls, data: dict, kind: type[Spec]) -> Result:
        """The inverse of `to_dict`, for results whose spec is of class `kind`."""
        return cls(
            spec=kind.from_dict(data["spec"]),
            tokens=tuple(Token.from_dict(token) for token in data["tokens"]),
            arrays={name: NamedArray.from_dict(array) for name, array in data["arrays"].items()},
            notes=data["notes"],
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What notebooks show: the interactive figure, a table where scripts may not run, else a line of text."""
        display = type(self).display
        return {"text/plain": repr(self)} if display is None else display(self)

    def _repr_html_(self) -> str | None:
        return self._repr_mimebundle_().get("text/html")

    @property
    def text(self) -> str:
        """What the model wrote (or was made to write)."""
        return "".join(token.text for token in self.tokens if token.segment == "generated" and not token.special)
