"""What every analysis has in common: its record."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces_app.costs.model import Cost
from spaces_app.costs.token_counts import TokenCounts, reading_cost, reading_token_counts
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel

__all__ = ["Analysis", "Result", "compute_of"]


@dataclass(frozen=True)
class Analysis:
    """One kind of question: its Spec and the function that answers it.

    `compute(spec, loaded_model, tick) -> Result` runs in a lane and may import torch; importing the record may not.
    An analysis whose spec is one of `ComparesModels` is given the other model as a fifth argument, when it is named.
    `tick(done, total, what)` is called at least every half second of work; it reports, and raises Cancelled or
    TooLarge when the visitor has left or the time is up.

    `token_counts(spec, loaded_model)` is how many tokens the question has, and `cost(spec, facts, counts)` the work of
    answering it (a `Cost`, or a plain number of floating-point operations); limits follow from both. By default that
    is a pass over the prompt and the output, and the writing of the output. `source` is the address of its paper.
    """

    name: str
    title: str
    spec: type[Spec]
    compute: Callable[..., Result]
    token_counts: Callable[..., TokenCounts] = reading_token_counts
    cost: Callable[..., Cost | float] = reading_cost
    source: str = ""


def compute_of(package: str) -> Callable[..., Result]:
    """`compute` of the module of that name in an analysis's package, imported at the first call: it needs torch."""

    def compute(spec: Spec, lm: LoadedModel, tick: Tick, settings: Settings, *others: LoadedModel) -> Result:
        return importlib.import_module(f"{package}.compute").compute(spec, lm, tick, settings, *others)

    return compute
