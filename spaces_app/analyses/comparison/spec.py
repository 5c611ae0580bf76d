"""Do several methods say the same of one output? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray
from spaces_app.costs.model import Cost, total
from spaces_app.costs.token_counts import TokenCounts, cost_inputs, explaining, writing_cost
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS, Method
from spaces_app.results import Result
from spaces_app.spec import option
from spaces_app.step_functions import StepFunction

MOST = 8  # methods in one comparison: more than that nobody reads below each other


def one_of_each_family() -> str:
    """Names of the first method of each family, separated by commas."""
    first: dict[str, str] = {}
    for name, method in METHODS.items():
        first.setdefault(method.family, name)
    return ",".join(first.values())


@dataclass(frozen=True, kw_only=True)
class ComparisonSpec(AttributionSpec):
    """Explain the same output by several methods, and tell how alike they rank what came before.

    An option counts where at least one of the methods listens to it.
    """

    kind = "comparison"
    version = 1

    method: str = option(AttributionSpec.default("method"), "Not asked here: see methods.", group="hidden")
    methods: str = option(
        one_of_each_family(),
        "Methods to compare: two or more names, separated by commas.",
        names=lambda: METHODS,
        max_chars=400,
        group="method",
    )

    def unused(self) -> Iterable[str]:
        idle = [set(part.unused()) for part in self.parts()]
        return [*(name for name, _, _ in self.options() if all(name in names for names in idle)), "method"]

    def methods_asked(self) -> list[Method]:
        names = [name.strip() for name in self.methods.split(",")]
        return [METHODS[name] for name in names if name in METHODS]

    def asked(self) -> list[StepFunction]:
        found = {step.name: step for part in self.parts() for step in part.asked()}
        return list(found.values())

    def parts(self) -> list[AttributionSpec]:
        """The attributions it is made of, one for each method."""
        return [self.by(method.name) for method in self.methods_asked()]

    def check(self) -> None:
        super().check()
        count = len(self.methods.split(","))
        if not 2 <= count <= MOST:
            raise SpecError(
                "a comparison needs two methods at least." if count < 2 else f"{count} methods are too many.",
                hint=f"Name 2 to {MOST}.",
                field="methods",
            )


def cost(spec: ComparisonSpec, facts: Any, counts: TokenCounts) -> Cost:
    """All methods together, of an output that is written once."""
    return total(explaining(part, facts, counts) for part in spec.parts()) + writing_cost(
        spec, counts, cost_inputs(spec, facts, counts)
    )


def single(result: Result, method: str) -> Result:
    """The attribution that one method gave, as if it had been asked alone."""
    notes = dict(result.notes)
    own = notes.pop("methods")[method]
    array = result.arrays["attributions"].select(method=method)
    asked = result.spec
    assert isinstance(asked, ComparisonSpec)
    spec = next(part for part in asked.parts() if part.method == method)
    arrays = {"attributions": NamedArray(array.values, array.axes, own["unit"])}
    arrays |= {
        name: array for name, array in result.arrays.items() if "input" not in array.axes and name != "agreement"
    }
    return Result(spec=spec, tokens=result.tokens, arrays=arrays, notes=notes | own)


def compared(result: Result) -> list[str]:
    """The methods that gave an answer, in the order they were named."""
    return list(result.arrays["attributions"].axes["method"])
