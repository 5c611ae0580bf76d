"""How surprising was each word? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spaces_app.analyses.shared.fields import GenerationFields
from spaces_app.spec import option

UNITS = ("bits", "nats")


@dataclass(frozen=True, kw_only=True)
class SurprisalSpec(GenerationFields):
    """Tell of each token that was written how little the model expected it: minus the logarithm of its probability."""

    kind = "surprisal"
    version = 1

    unit: str = option("bits", "Base of the logarithm: 2 for bits, e for nats.", choices=lambda: UNITS, group="reading")

    def unused(self) -> Iterable[str]:
        return self.unused_generation()
