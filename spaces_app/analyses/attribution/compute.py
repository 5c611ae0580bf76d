"""The answer to an AttributionSpec: write or force the output, attribute it, name the numbers. Runs in a lane."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.shared import checks as honesty
from spaces_app.analyses.shared.alternatives import TopKRecorder
from spaces_app.analyses.shared.ids import sequence_ids
from spaces_app.analyses.shared.notes import method_notes, model_notes
from spaces_app.analyses.shared.requests import attribution_request, unit
from spaces_app.analyses.shared.score_arrays import parts_arrays, scores_array, steps_array
from spaces_app.analyses.shared.targets import Targets, check_given
from spaces_app.arrays import NamedArray
from spaces_app.engine.forced import ForcedPass
from spaces_app.methods import METHODS, AttributionScores, check_method
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.spec import label
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


VISIBLE_GAP = 0.05  # of the difference explained: above it, a reader of the map should know


def compute(spec: AttributionSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """Scores of every input token for every generated token, with every step function of the output.

    Raises SpecError for texts that do not fit the model, NotSupported, TooLarge, and what `tick` raises.
    """
    method = METHODS[spec.method]
    check_method(method, lm)
    check_given(spec)
    began = time.perf_counter()
    ids = sequence_ids(spec, lm, tick)
    written = time.perf_counter()
    targets = Targets.of(spec, lm, ids, chunk_mb=settings.chunk_mb, tick=tick)
    targets.check_explainable(method)
    scores = targets.scores(targets.names())
    chunk_mb, prefix = settings.chunk_mb, spec.attribute_prefix
    runners = TopKRecorder(len(ids[2]))
    watch = [*scores.values(), runners]
    run = ForcedPass(lm, ids, attribute_prefix=prefix, chunk_mb=chunk_mb, watch=watch, tick=tick)
    tokens = tuple(lm.tokens(*ids))
    answer = method.attribute(run, attribution_request(spec, method, tokens, targets.score(spec.step_function)))
    steps = {name: run.scores(score) for name, score in scores.items()}
    run.scores(runners)
    checked, checks = honesty.checks(spec, run, answer, targets.score(honesty.explained(spec)))
    seconds = {"generate": round(written - began, 3), "attribute": round(time.perf_counter() - written, 3)}
    revision = spec.revision or lm.revision
    return Result(
        spec=spec.replace(revision=revision, continuation_ids=ids[2], contrast_ids=targets.pinned()),
        tokens=tokens,
        arrays=_arrays(spec, answer, steps) | runners.arrays() | checked,
        notes=model_notes(spec, lm)
        | method_notes(spec, lm, method)
        | {"seconds": seconds}
        | targets.notes()
        | _findings(spec, run, answer, steps)
        | {"checks": checks, "alternative_tokens": runners.tokens(lm, ids)},
    )


def _arrays(spec: AttributionSpec, answer: AttributionScores, steps: dict[str, torch.Tensor]) -> dict[str, NamedArray]:
    name = unit(spec, METHODS[spec.method])
    arrays = {"attributions": scores_array(answer.scores, name), "step_scores": steps_array(steps)}
    return arrays | parts_arrays(answer, name)


def _missed(spec: AttributionSpec, worst: float) -> str:
    """What is said of shares that do not add up, with the steps or samples that more of would help."""
    for name, facts in METHODS[spec.method].rounds().items():
        what = label(name, facts).lower()
        missed = f"With {spec.value(name)} {what} the shares miss up to {worst:.0%} of what they should add up to;"
        return f"{missed} more {what} come closer."
    return f"The shares miss up to {worst:.0%} of what they should add up to."


def _findings(spec: AttributionSpec, run: ForcedPass, answer: AttributionScores, steps: dict) -> dict:
    """Convergence and warnings: what the numbers themselves tell about their worth."""
    warnings = [*run.lm.notes, *run.lm.warnings(spec.prompt, spec.continuation), *answer.remarks]
    warnings += [line for line in run.lm.warnings(spec.contrast_prompt, spec.contrast) if line not in warnings]
    gap = answer.convergence_gap
    if gap is not None and answer.explained is not None:
        # Relative to the score itself where that is larger: a difference near zero has no meaningful percentage.
        score = np.abs(np.asarray(steps[spec.step_function]))
        worst = float(
            np.max(
                np.abs(np.array(gap, dtype=np.float64)) / np.maximum(np.maximum(np.abs(answer.explained), score), 1e-9)
            )
        )
        if worst > VISIBLE_GAP:
            warnings.append(_missed(spec, worst))
    most = run.lm.facts.max_positions
    written = not spec.continuation and not spec.continuation_ids
    ended = int(run.sequence.targets[-1]) in run.lm.facts.eos_ids
    if written and not ended and run.sequence.n_decoder == most and run.n_generated < spec.max_new_tokens:
        warnings.append(f"The model stopped at its last position, {most:,}.")
    return {
        "convergence_gap": None if gap is None else [None if one is None else float(one) for one in gap],
        "warnings": warnings,
    }
