"""Propagation methods: relevance that flows from the target down to the tokens, part by part of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass
    from spaces_app.models.loaded import LoadedModel


UNSEEN = 0.005  # a share of relevance too small to speak of


def attnlrp(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """embedding · gradient by the rules of AttnLRP (engine/rules.py): the relevance that reaches each token.

    A logit is itself the relevance that starts at the top; of another score, Σ_v logit_v · ∂score/∂logit_v starts.
    It is conserved on the way down, but not all of it reaches the tokens: biases, position embeddings and the softmax
    of attention keep a part, which a remark states.
    """
    started, given = run.started(request.score), [0.0] * run.n_generated

    def parts() -> Iterator[tuple[slice, Tensor]]:
        for steps, gradient in run.gradients(started):
            relevance = gradient * run.embeds[: gradient.shape[1]]
            given[steps] = relevance.sum((-2, -1)).tolist()
            yield steps, request.reduce(relevance)

    with run.relevance():
        scores = run.collect(parts())
    return AttributionScores(scores, remarks=_kept(started.relevance, given))


def _kept(started: list[float], given: list[float]) -> tuple[str, ...]:
    """How much of the relevance the tokens do not get, over all targets."""
    kept = sum(abs(top - bottom) for top, bottom in zip(started, given, strict=True))
    share = kept / max(sum(map(abs, started)), 1e-30)
    if share < UNSEEN:
        return ()
    return (
        f"What the tokens get differs from what a target starts with by {share:.0%} on average: biases, position"
        " embeddings and the softmax of attention keep the difference.",
    )


def _unruled(lm: LoadedModel) -> str:
    from spaces_app.engine.relevance.propagation import refusal  # torch is not needed to know the methods

    return refusal(lm)


def _cost(inputs: CostInputs) -> float:
    return inputs.once


ATTNLRP = Method(
    name="attnlrp",
    label="AttnLRP",
    family="propagation",
    description="Passes the target back through the model, part by part; positive supports it, negative opposes it.",
    source="https://arxiv.org/abs/2402.05602",
    signed=True,
    complete=False,
    options=("step_function", "aggregation"),
    attribute=attnlrp,
    cost=_cost,
    refuse=_unruled,
)
