"""From a spec to what an attribution method is asked. Runs in a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods import REDUCTIONS, AttributionRequest, Method, reduction
from spaces_app.methods.options import shared_values
from spaces_app.methods.uses import UsesMethod
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token, sentence_ids, word_ids

if TYPE_CHECKING:
    from spaces_app.types import Score


def attribution_request(
    spec: UsesMethod, method: Method, tokens: tuple[Token, ...], score: Score
) -> AttributionRequest:
    """What the method is asked about `score` on these tokens."""
    given = shared_values(spec) | {"seed": spec.value("seed"), "own": spec.own_of(method)}
    reduce = REDUCTIONS[reduction(method, spec.aggregation)]
    return AttributionRequest(score=score, reduce=reduce, features=_features(spec.window, tokens[:-1]), **given)


def _features(window: str, inputs: tuple[Token, ...]) -> np.ndarray | None:
    """Equal numbers for inputs that are taken away together. (n_inputs,)"""
    if window == "token":
        return None
    return np.array((word_ids if window == "word" else sentence_ids)(inputs))


def unit(spec: UsesMethod, method: Method) -> str:
    """The unit of the method's scores: that of what is explained, or the method itself."""
    return STEP_FUNCTIONS[spec.step_function].unit if "step_function" in method.options else method.name
