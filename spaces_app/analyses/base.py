"""What every analysis has in common: its record and its result."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from spaces_app.analyses.size import Size, attribution_cost, text_size
from spaces_app.analyses.work import Work
from spaces_app.arrays import NamedArray
from spaces_app.spec import Spec
from spaces_app.tokens import Token


@dataclass(frozen=True)
class Result:
    """The answer to a spec: tokens, named numbers and how they came about. Picklable, and JSON both ways.

    `spec` is pinned: it names the model's revision and the exact generated ids, so that asking it again gives the
    same numbers. `notes` holds what is not an array: model facts, library versions, dtype, seconds, warnings.
    """

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

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        """What notebooks show: the interactive figure, a table where scripts may not run, else a line of text."""
        return importlib.import_module("spaces_app.export.notebook").mimebundle(self)

    def _repr_html_(self) -> str | None:
        return self._repr_mimebundle_().get("text/html")

    @property
    def text(self) -> str:
        """What the model wrote (or was made to write)."""
        return "".join(token.text for token in self.tokens if token.segment == "generated" and not token.special)


@dataclass(frozen=True)
class Analysis:
    """One kind of question: its Spec and the function that answers it.

    `compute(spec, loaded_model, tick) -> Result` runs in a lane and may import torch; importing the record may not.
    An analysis whose spec names an `other_model` is given that one as a fifth argument, when it is named.
    `tick(done, total, what)` is called at least every half second of work; it reports, and raises Cancelled or
    TooLarge when the visitor has left or the time is up.

    `size(spec, loaded_model)` is how many tokens the question has (a `Size`), and `cost(spec, facts, size)` the work
    of answering it (`Work`, or a plain number of floating-point operations); limits follow from both.
    """

    name: str
    title: str
    spec: type[Spec]
    compute: Callable
    size: Callable[..., Size] = text_size
    cost: Callable[..., Work | float] = attribution_cost
