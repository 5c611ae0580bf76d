"""Why this word and not that one? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.costs.model import Cost, of_method
from spaces_app.costs.token_counts import TokenCounts, cost_inputs, passes_beside
from spaces_app.methods import METHODS
from spaces_app.spec import option
from spaces_app.step_functions import STEP_FUNCTIONS, StepFunction

DIFFERENCES = ("contrast_logits_diff", "contrast_logprob_diff", "contrast_prob_diff")
BESIDE = ("contrast_logits", "contrast_prob", *DIFFERENCES)  # step scores that every result has


def _methods() -> list[str]:
    return [name for name, method in METHODS.items() if "step_function" in method.options]


@dataclass(frozen=True, kw_only=True)
class ContrastiveSpec(AttributionSpec):
    """Explain why a model wrote A rather than B, where B is another output, another prompt's output, or both.

    A is `continuation`, or what the model writes; B is `contrast`, or without one what the model held likeliest
    after A at each place. `contrast_prompt` gives B a run of its own (a minimal pair).
    """

    kind = "contrastive"
    version = 1

    method: str = option(
        "integrated_gradients", "How importance is measured.", choices=lambda: _methods(), group="method"
    )
    step_function: str = option(
        "contrast_logits_diff",
        "The difference that is explained.",
        label="Target",
        choices=lambda: DIFFERENCES,
        group="method",
    )

    def unused(self) -> Iterable[str]:
        return [*super().unused(), "deletion_check"]

    def asked(self) -> list[StepFunction]:
        names = [step.name for step in super().asked()]
        return [STEP_FUNCTIONS[name] for name in dict.fromkeys((*BESIDE, *names))]


def cost(spec: ContrastiveSpec, facts: Any, counts: TokenCounts) -> Cost:
    """Operations: the difference and A by the method, B too where it does not follow from them, and the passes."""
    inputs = cost_inputs(spec, facts, counts)
    return 3 * of_method(spec.method, inputs) + passes_beside(spec, inputs, counts) + 2 * inputs.forward
