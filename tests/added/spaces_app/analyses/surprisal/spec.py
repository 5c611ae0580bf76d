"""How surprising was each word? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spaces_app.analyses.attribution.spec import AttributionSpec, idle_generation
from spaces_app.spec import Spec, option, same_as

UNITS = ("bits", "nats")


@dataclass(frozen=True)
class SurprisalSpec(Spec):
    """Tell of each token that was written how little the model expected it: minus the logarithm of its probability."""

    kind = "surprisal"
    version = 1

    model: str = same_as(AttributionSpec, "model")
    revision: str = same_as(AttributionSpec, "revision")
    prompt: str = same_as(AttributionSpec, "prompt")
    continuation: str = same_as(AttributionSpec, "continuation")
    continuation_ids: tuple = same_as(AttributionSpec, "continuation_ids")
    unit: str = option("bits", "Base of the logarithm: 2 for bits, e for nats.", choices=lambda: UNITS, group="reading")
    max_new_tokens: int = same_as(AttributionSpec, "max_new_tokens")
    temperature: float = same_as(AttributionSpec, "temperature")
    top_p: float = same_as(AttributionSpec, "top_p")
    languages: str = same_as(AttributionSpec, "languages")
    seed: int = same_as(AttributionSpec, "seed")

    def unused(self) -> Iterable[str]:
        return idle_generation(self)
