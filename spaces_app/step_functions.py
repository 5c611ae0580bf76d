"""Step functions: one number per generated token, from the logits at its step. Each is a formula, a unit and a source.

logits: (..., V) in float32, targets: (...) the generated ids; the result is (...). Every function looks at its own
step only. Add one by writing it here and naming it in STEP_FUNCTIONS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StepFunction:
    """One way to put a number on a generated token. options: the AttributionSpec fields it listens to."""

    name: str
    label: str
    unit: str
    formula: str
    source: str
    fn: Callable
    options: tuple[str, ...] = ()


def logit(logits, targets):
    """The raw score of the token, z_y: (..., V) → (...)."""
    index = targets.expand(logits.shape[:-1])[..., None]
    return logits.gather(-1, index)[..., 0]


def log_probability(logits, targets):
    """ln p_y, in nats; never positive. Computed from the logits, so it stays finite where p underflows."""
    return logit(logits.log_softmax(-1), targets)


def probability(logits, targets):
    """p_y, the softmax of the logits at the token."""
    return logit(logits.softmax(-1), targets)


def entropy(logits, targets):
    """−Σ p ln p over the vocabulary, in nats: how undecided the model was, whatever token came out."""
    surprise = logits.log_softmax(-1)
    # A token with logit −∞ has p ln p = 0, but 0 · −∞ is NaN.
    return -(surprise.exp() * surprise.clamp_min(-1e30)).sum(-1)


def crossentropy(logits, targets):
    """−ln p_y, in nats: how surprised the model was by the token."""
    return -log_probability(logits, targets)


_GOODFELLOW = "https://www.deeplearningbook.org/contents/mlp.html"
_SHANNON = "https://doi.org/10.1002/j.1538-7305.1948.tb01338.x"

STEP_FUNCTIONS = {
    step_function.name: step_function
    for step_function in (
        StepFunction("probability", "Probability", "probability", "p(y)", _GOODFELLOW, probability),
        StepFunction("log_probability", "Log-probability", "nats", "ln p(y)", _GOODFELLOW, log_probability),
        StepFunction("logit", "Logit", "logit", "z(y)", _GOODFELLOW, logit),
        StepFunction("entropy", "Entropy", "nats", "−Σ p ln p", _SHANNON, entropy),
        StepFunction("crossentropy", "Cross-entropy", "nats", "−ln p(y)", _SHANNON, crossentropy),
    )
}
