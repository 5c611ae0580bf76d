"""What every attribution method has in common: its record, what it is asked, what it answers. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spaces_app.errors import NotSupported
from spaces_app.methods.cost_inputs import CostInputs
from spaces_app.methods.options import (
    AGGREGATIONS,
    BASELINES,
    COMBINATIONS,
    REMOVALS,
    SHARED,
    UNITS,
    MethodOptions,
    own_options,
)
from spaces_app.methods.reductions import REDUCTIONS, SIGNED_REDUCTIONS, l1, l2, largest, mean, total
from spaces_app.spec import Declared, Option

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.types import Reduce, Score


__all__ = [
    "AGGREGATIONS",
    "BASELINES",
    "COMBINATIONS",
    "REDUCTIONS",
    "REMOVALS",
    "SIGNED_REDUCTIONS",
    "UNITS",
    "Answer",
    "Ask",
    "AttributionRequest",
    "AttributionScores",
    "CostInputs",
    "Load",
    "Method",
    "check_method",
    "l1",
    "l2",
    "largest",
    "mean",
    "reduction",
    "total",
]


@dataclass(frozen=True)
class AttributionRequest(MethodOptions):
    """What a method is asked: what to explain, and its options.

    score(logits (..., V), targets (...)) → (...): the number explained at each generated token.
    reduce((..., D)) → (...): how a token's hidden units become one score; the identity keeps them.
    features: (n_inputs,) integers, equal for inputs that are taken away together (a word, a sentence); None: each
    token on its own. own: the method's own options, by name. A method reads what its record names.
    """

    score: Score
    reduce: Reduce
    seed: int = field(default=0, kw_only=True)
    features: np.ndarray | None = field(default=None, kw_only=True)
    own: Mapping[str, Any] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class AttributionScores:
    """Scores (G, n_inputs) of every input for every generated token, NaN where there is none, as a CPU tensor.

    For complete methods, per generated token: explained, the difference that the scores should add up to (before
    reduction), and convergence_gap, their sum minus it. remarks: sentences the reader of the scores needs.
    parts: finer scores behind them, by name: ({axis: labels}, tensor (..., G, n_inputs)), as for every layer.
    """

    scores: Tensor
    explained: tuple[float, ...] | None = None
    convergence_gap: tuple[float | None, ...] | None = None
    remarks: tuple[str, ...] = ()
    parts: dict[str, tuple[dict[str, tuple], Tensor]] = field(default_factory=dict)


def _takes_all(_lm: LoadedModel) -> str:
    return ""


@dataclass(frozen=True)
class Method:
    """One attribution method.

    description: one line for people; source: the paper. signed: scores may be negative. complete: scores add up to
    the score minus the baseline's score. options: the AttributionSpec fields it listens to. attribute(run, request) →
    AttributionScores, where `run` is a ForcedPass and `request` an AttributionRequest. cost(inputs) → floating-point
    operations, where `inputs` are CostInputs. refuse(lm) → why it cannot explain a loaded model, one sentence, or "".

    own: options that no other method has, by name, each as `option(default, help, …)` of spaces_app/spec.py. They are
    read as `request.own[name]` and `inputs.own[name]`; links, flags, the form and the API have them while the method
    is chosen. Raises SpecError for one that is not well declared.
    """

    name: str
    label: str
    family: str
    description: str
    source: str
    signed: bool
    complete: bool
    options: tuple[str, ...]
    attribute: Callable[[ForcedPass, AttributionRequest], AttributionScores]
    cost: Callable[[CostInputs], float]
    refuse: Callable[[LoadedModel], str] = _takes_all
    own: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        own_options(self.own)

    def own_options(self) -> list[Declared]:
        """(name, default, facts) of its own options."""
        return own_options(self.own)

    def rounds(self) -> dict[str, Option]:
        """Those of its options that are numbers of steps or samples, by name: its cost grows with them."""
        heard = {name: facts for name, facts in SHARED.items() if name in self.options}
        heard |= {name: facts for name, _, facts in self.own_options()}
        return {name: facts for name, facts in heard.items() if facts.rounds}


def check_method(method: Method, lm: LoadedModel) -> None:
    """Raises NotSupported when the method cannot explain this model."""
    if lm.placement == "offload" and method.family == "gradient":
        raise NotSupported(
            "this model is only partly in memory, which leaves no room for gradients.",
            hint="Choose occlusion or attention.",
            field="method",
        )
    if reason := method.refuse(lm):
        raise NotSupported(reason, hint="Choose another method.", field="method")


def reduction(method: Method, aggregation: str) -> str:
    """The name of the reduction meant: auto takes the sum for signed methods, else the L2 norm."""
    if aggregation != "auto":
        return aggregation
    return "sum" if method.signed else "l2"


# The names under which plug-ins may know them.
Ask, Answer, Load = AttributionRequest, AttributionScores, CostInputs
