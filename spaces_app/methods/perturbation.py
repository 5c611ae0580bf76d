"""Occlusion: take one thing away at a time and see how the score moves. No gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.coalitions import answer, n_taken, removing

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass


def occlusion(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """score(input) − score(input without one token, word or sentence), one by one.

    Positive where it supports the target. Inseq 0.7.1 gives the absolute value; here the sign stays. The fall of a word
    or sentence is divided equally among its tokens. What cannot be taken away (a token whose baseline is its own
    embedding, or a special token that cannot be deleted) has nothing to lose: exactly 0.
    """
    features, score = removing(run, request)
    fall = np.zeros((run.n_generated, features.count))
    if features.count:
        without = score(~np.eye(features.count, dtype=bool))  # (m, G)
        fall = (run.scores(request.score).numpy() - without).T
    return answer(run, request, features, fall)


def _cost(inputs: CostInputs) -> float:
    """Source tokens: a whole pass each. Decoder tokens: what comes after them, and the targets there."""
    after = inputs.n_decoder * (inputs.n_decoder / 2 * inputs.decoder_row + 0.75 * inputs.n_generated * inputs.head_row)
    share = n_taken(inputs) / (inputs.n_source + inputs.n_decoder)
    return 2.5 * inputs.forward + share * (inputs.n_source * inputs.forward + after)


OCCLUSION = Method(
    name="occlusion",
    label="Occlusion",
    family="perturbation",
    description="How much the target falls when a token, word or sentence is taken away, one at a time.",
    source="https://arxiv.org/abs/1311.2901",
    signed=True,
    complete=False,
    options=("step_function", "baseline", "window", "removal"),
    attribute=occlusion,
    cost=_cost,
)
