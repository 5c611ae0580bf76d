"""The answer to an AttributionSpec: write or force the output, attribute it, name the numbers. Runs in a lane."""

from __future__ import annotations

import platform
import time
from datetime import datetime, timezone

import numpy as np
import torch
import transformers

import spaces_app
from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.analyses.base import Result
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.baselines import resolve as resolve_baseline
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.generate import check_length, generate
from spaces_app.errors import NotSupported
from spaces_app.methods import METHODS, REDUCTIONS, Answer, Ask, Method, reduction
from spaces_app.methods.base import SIGNED_REDUCTIONS
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token, sentence_ids, word_ids

ASKED = ("baseline", "n_steps", "n_samples", "noise", "layer", "head", "combine", "removal", "seed")
VISIBLE_GAP = 0.05  # of the difference explained: above it, a reader of the map should know


def compute(spec: AttributionSpec, lm, tick, settings) -> Result:
    """Scores of every input token for every generated token, with every step function of the output.

    Raises SpecError for texts that do not fit the model, NotSupported, TooLarge, and what `tick` raises.
    """
    method = METHODS[spec.method]
    if lm.placement == "offload" and method.family == "gradient":
        raise NotSupported(
            "this model is only partly in memory, which leaves no room for gradients.",
            hint="Choose occlusion or attention.",
            field="method",
        )
    if reason := method.refuse(lm):
        raise NotSupported(reason, hint="Choose another method.", field="method")
    began = time.perf_counter()
    ids = _ids(spec, lm, tick)
    written = time.perf_counter()
    watch = [step.fn for step in STEP_FUNCTIONS.values()]
    chunk_mb, prefix = settings.chunk_mb, spec.attribute_prefix
    run = ForcedPass(lm, ids, attribute_prefix=prefix, chunk_mb=chunk_mb, watch=watch, tick=tick)
    tokens = tuple(lm.tokens(*ids))
    answer = method.attribute(run, _ask(spec, method, tokens))
    steps = {name: run.scores(step.fn) for name, step in STEP_FUNCTIONS.items()}
    seconds = {"generate": round(written - began, 3), "attribute": round(time.perf_counter() - written, 3)}
    revision = spec.revision or lm.revision
    return Result(
        spec=spec.replace(revision=revision, continuation_ids=ids[2]),
        tokens=tokens,
        arrays=_arrays(spec, answer, steps),
        notes=_notes(spec, lm, method) | {"seconds": seconds} | _findings(spec, run, answer, steps),
    )


def _ids(spec: AttributionSpec, lm, tick) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """(source, prompt, generated) ids: the output of the link, the forced one, or what the model writes now."""
    encoded = tuple(lm.encode_prompt(spec.prompt))
    source, prompt = (encoded, tuple(lm.decoder_start)) if lm.facts.encoder_decoder else ((), encoded)
    check_length(lm, (source, prompt, ()))
    if spec.continuation_ids:
        generated = tuple(spec.continuation_ids)
        lm.check_ids(generated)
    elif spec.continuation:
        generated = tuple(lm.encode_continuation(spec.prompt, spec.continuation))
    else:
        sampling = (spec.temperature, spec.top_p, spec.seed)
        generated = generate(lm, (source, prompt), max_new_tokens=spec.max_new_tokens, sampling=sampling, tick=tick)
    check_length(lm, (source, prompt, generated))
    return source, prompt, generated


def _ask(spec: AttributionSpec, method: Method, tokens: tuple[Token, ...]) -> Ask:
    given = {name: getattr(spec, name) for name in ASKED}
    return Ask(
        score=STEP_FUNCTIONS[spec.step_function].fn,
        reduce=REDUCTIONS[reduction(method, spec.aggregation)],
        features=_features(spec.window, tokens[:-1]),
        **given,
    )


def _features(window: str, inputs: tuple[Token, ...]) -> np.ndarray | None:
    """Equal numbers for inputs that are taken away together. (n_inputs,)"""
    if window == "token":
        return None
    return np.array((word_ids if window == "word" else sentence_ids)(inputs))


def _unit(spec: AttributionSpec, method: Method) -> str:
    return STEP_FUNCTIONS[spec.step_function].unit if "step_function" in method.options else method.name


def _arrays(spec: AttributionSpec, answer: Answer, steps: dict[str, torch.Tensor]) -> dict[str, NamedArray]:
    scores = answer.scores.T.float().numpy()  # (n_inputs, G)
    table = np.stack([steps[name].float().numpy() for name in STEP_FUNCTIONS])  # (step functions, G)
    if np.isinf(scores).any() or not np.isfinite(table).all():
        raise NotSupported(
            "the scores are not finite: a written token has probability zero, or the model overflows.",
            hint="Explain the probability instead of its logarithm, or another output.",
            field="step_function",
        )
    # The last generated token is read by nobody: a row of its own, all missing, so that rows are tokens.
    scores = np.concatenate([scores, np.full((1, scores.shape[1]), np.nan, dtype=np.float32)])
    generated = positions(scores.shape[1])
    unit = _unit(spec, METHODS[spec.method])
    axes = {"input": positions(len(scores)), "generated": generated}
    arrays = {
        "attributions": NamedArray(scores, axes, unit),
        "step_scores": NamedArray(table, {"step_function": tuple(STEP_FUNCTIONS), "generated": generated}, ""),
    }
    for name, (leading, values) in answer.parts.items():
        values = values.transpose(-1, -2).float().numpy()  # (..., n_inputs, G)
        values = np.concatenate([values, np.full((*values.shape[:-2], 1, values.shape[-1]), np.nan, np.float32)], -2)
        arrays[name] = NamedArray(values, leading | axes, unit)
    return arrays


def _notes(spec: AttributionSpec, lm, method: Method) -> dict:
    """What the numbers are and how they came about, as far as the spec and the model tell."""
    name = reduction(method, spec.aggregation) if "aggregation" in method.options else ""
    asks = "step_function" in method.options
    return {
        "model": lm.id,
        "revision": spec.revision or lm.revision,
        "dtype": str(lm.dtype).removeprefix("torch."),
        "device": str(lm.device),
        "attention": lm.attention,
        "versions": {
            "seqscope": spaces_app.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "method": method.label,
        "signed": method.signed and (not name or name in SIGNED_REDUCTIONS),
        "aggregation": name,
        "target": STEP_FUNCTIONS[spec.step_function].label if asks else method.label,
        "unit": _unit(spec, method),
        "baseline": resolve_baseline(lm, spec.baseline) if "baseline" in method.options else "",
        "forced": bool(spec.continuation),
        "recorded": datetime.now(timezone.utc).date().isoformat(),
    }


def _findings(spec: AttributionSpec, run: ForcedPass, answer: Answer, steps: dict) -> dict:
    """Convergence and warnings: what the numbers themselves tell about their worth."""
    warnings = [*run.lm.notes, *run.lm.warnings(spec.prompt, spec.continuation), *answer.remarks]
    gap = answer.convergence_gap
    if gap is not None:
        # Relative to the score itself where that is larger: a difference near zero has no meaningful percentage.
        score = np.abs(np.asarray(steps[spec.step_function]))
        worst = float(np.max(np.abs(gap) / np.maximum(np.maximum(np.abs(answer.explained), score), 1e-9)))
        if worst > VISIBLE_GAP:
            warnings.append(
                f"With {spec.n_steps} steps the shares miss up to {worst:.0%} of what they should add up to;"
                " more steps come closer."
            )
    most = run.lm.facts.max_positions
    written = not spec.continuation and not spec.continuation_ids
    ended = int(run.sequence.targets[-1]) in run.lm.facts.eos_ids
    if written and not ended and run.sequence.n_decoder == most and run.n_generated < spec.max_new_tokens:
        warnings.append(f"The model stopped at its last position, {most:,}.")
    return {"convergence_gap": None if gap is None else [float(value) for value in gap], "warnings": warnings}
