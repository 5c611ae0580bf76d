"""What a spec will cost, before it is computed; refuses with both numbers and a request that would fit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from spaces_app.costs.model import Cost, Speed
from spaces_app.costs.token_counts import TokenCounts
from spaces_app.errors import AppError, NotSupported, TooLarge
from spaces_app.methods import check_method
from spaces_app.methods.uses import UsesMethod
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.spec import Spec, label

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.models.model_facts import Facts

MAX_CELLS = 2_000_000  # scores in one result: 8 MB of numbers, more than a browser shows at ease


class Priced(Protocol):
    """An analysis, as far as what it costs is concerned."""

    @property
    def token_counts(self) -> Callable[..., TokenCounts]: ...

    @property
    def cost(self) -> Callable[..., Cost | float]: ...


def predicted_seconds(analysis: Priced, spec: Spec, facts: Facts, counts: TokenCounts, *, speed: Speed) -> float:
    """How long computing takes: the cost of the question at the speed that was measured on the model."""
    return speed.seconds(analysis.cost(spec, facts, counts))


def check(
    analysis: Priced, spec: Spec, facts: Facts, counts: TokenCounts, settings: Settings, *, speed: Speed
) -> float:
    """The predicted seconds. Raises TooLarge when they, or the result's size, are over the limit."""
    cells = (counts.n_source + counts.n_prompt + counts.n_generated) * counts.n_generated
    if cells > MAX_CELLS:
        raise TooLarge(
            f"the result would hold {cells:,} scores, more than {MAX_CELLS:,}.",
            hint="Use a shorter text or fewer new tokens.",
        )
    seconds = predicted_seconds(analysis, spec, facts, counts, speed=speed)
    if seconds > settings.max_seconds:
        raise TooLarge(
            f"this would take about {math.ceil(seconds):,} s, more than the {settings.max_seconds:,} s allowed.",
            hint=_smaller(analysis, spec, facts, counts, speed=speed, allowed=settings.max_seconds),
        )
    return seconds


def learn(analysis: Priced, result: Result, model: LoadedModel, speed: Speed) -> None:
    """Take notice of how long an attribution took, for the next question to the same method."""
    seconds = result.notes.get("seconds", {}).get("attribute")
    if result.spec.kind == "attribution" and seconds:
        cost = analysis.cost(result.spec, model.facts, analysis.token_counts(result.spec, model))
        speed.learn(cost + Cost(), seconds)


@dataclass(frozen=True)
class Inquiry:
    """What some questions to one model would take, asked before any of them is run. A lane answers it like a spec."""

    specs: Mapping[str, Spec]


@dataclass(frozen=True)
class Estimate:
    """Seconds one question would take (None: not known), or why it cannot be answered."""

    seconds: float | None
    reason: str = ""


def estimates(
    analyses: Mapping[str, Priced], inquiry: Inquiry, model: LoadedModel, *, speed: Speed
) -> dict[str, Estimate]:
    """An Estimate for each question, by its name. Runs in a lane; computes nothing."""
    found = {}
    for name, spec in inquiry.specs.items():
        try:
            for method in spec.methods_asked() if isinstance(spec, UsesMethod) else ():
                check_method(method, model)
            analysis = analyses[spec.kind]
            counts = analysis.token_counts(spec, model)
            seconds = predicted_seconds(analysis, spec, model.facts, counts, speed=speed)
            found[name] = Estimate(seconds)
        except NotSupported as error:
            found[name] = Estimate(None, error.message)
        except AppError:
            found[name] = Estimate(None)  # a text that is empty or not for this model: Run will say so
    return found


def _smaller(analysis: Priced, spec: Spec, facts: Facts, counts: TokenCounts, *, speed: Speed, allowed: float) -> str:
    """Requests that fit: the largest of each kind that is predicted to take no longer than allowed."""
    methods = spec.methods_asked() if isinstance(spec, UsesMethod) else []
    rounds = {name: about for method in methods for name, about in method.rounds().items()}
    ways = []
    for name, about in rounds.items():

        def takes(count: int, name: str = name) -> float:
            return predicted_seconds(analysis, spec.replace(**{name: count}), facts, counts, speed=speed)

        most = _largest(takes, int(about.low or 1), spec.value(name), allowed)
        ways += [f"at most {most:,} {label(name, about).lower()}"] if most else []

    def written(count: int) -> float:
        return predicted_seconds(analysis, spec, facts, dataclasses.replace(counts, n_generated=count), speed=speed)

    most = _largest(written, 1, counts.n_generated, allowed) if hasattr(spec, "max_new_tokens") else 0
    ways += [f"at most {most:,} new tokens"] if most else []
    return f"Use {', or '.join(ways)}." if ways else "Use a shorter text, a faster method or a smaller model."


def _largest(takes: Callable[[int], float], low: int, high: int, allowed: float) -> int:
    """The largest count from low to high that takes no longer than allowed; 0 when none does. Halves the range."""
    low, high = int(low), int(high)
    if takes(low) > allowed:
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if takes(middle) <= allowed else (low, middle - 1)
    return low
