"""What stands beside every map: how far its numbers are to be trusted, one sentence for each check. Runs in a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaces_app.arrays import NamedArray
from spaces_app.engine import deletion_check
from spaces_app.methods import METHODS, AttributionScores, reduction
from spaces_app.methods.base import SIGNED_REDUCTIONS
from spaces_app.step_functions import STEP_FUNCTIONS

if TYPE_CHECKING:
    from spaces_app.analyses.attribution.spec import AttributionSpec
    from spaces_app.engine.forced import ForcedPass
    from spaces_app.methods.uses import UsesMethod
    from spaces_app.types import Score


def explained(spec: UsesMethod) -> str:
    """The name of the step function that the checks look at: the target, or the probability where there is none."""
    return spec.step_function if "step_function" in METHODS[spec.method].options else "probability"


def signed(spec: UsesMethod) -> bool:
    """Whether the scores of this question have signs that mean something."""
    method = METHODS[spec.method]
    return method.signed and (
        "aggregation" not in method.options or reduction(method, spec.aggregation) in SIGNED_REDUCTIONS
    )


def checks(
    spec: AttributionSpec, run: ForcedPass, answer: AttributionScores, score: Score
) -> tuple[dict[str, NamedArray], list[dict]]:
    """(arrays, [{"label", "value", "sentence"}]): completeness where it is promised, the deletion check on request.

    score: what is explained, by the name that `explained` gives.
    """
    arrays: dict[str, NamedArray] = {}
    found: list[dict] = []
    if answer.convergence_gap is not None and answer.explained is not None:
        found.append(completeness(answer.convergence_gap, answer.explained))
    if spec.deletion_check:
        scores = np.array(answer.scores.T.tolist(), dtype=np.float64).reshape(run.n_inputs, run.n_generated)
        arrays["deletion_check"], means = deletion_check.deletion_check(
            run, score, scores, baseline=spec.baseline, signed=signed(spec), seed=spec.seed
        )
        found += deletion_check.sentences(means, STEP_FUNCTIONS[explained(spec)].label)
    return arrays, found


def completeness(gaps: tuple[float | None, ...], whole: tuple[float, ...]) -> dict:
    """How far a complete method's scores are from adding up: the gaps' sizes over the sizes of what is explained."""
    missed, total = np.abs(np.asarray(gaps)), np.abs(np.asarray(whole))
    share = float(missed.sum() / max(total.sum(), 1e-9))
    return {
        "label": "Completeness",
        "value": share,
        "sentence": f"The scores miss what they should add up to by {share:.2%} of it over the output,"
        f" and by at most {missed.max():.2g} at one token.",
    }
