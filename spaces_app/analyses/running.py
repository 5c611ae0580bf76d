"""What analyses of a forced run share: from spec to ids and to what a method is asked, from tensors to arrays.

Runs in a lane.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import datetime, timezone

import numpy as np
import torch
import transformers

import spaces_app
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.baselines import resolve as resolve_baseline
from spaces_app.engine.generate import check_length, generate
from spaces_app.errors import NotSupported
from spaces_app.methods import REDUCTIONS, Answer, Ask, Method, reduction
from spaces_app.methods.base import SIGNED_REDUCTIONS
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token, sentence_ids, word_ids

ASKED = ("baseline", "n_steps", "n_samples", "noise", "layer", "head", "combine", "removal", "seed")
Ids = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # source, prompt, generated


def check_method(method: Method, lm) -> None:
    """Raises NotSupported when the method cannot explain this model."""
    if lm.placement == "offload" and method.family == "gradient":
        raise NotSupported(
            "this model is only partly in memory, which leaves no room for gradients.",
            hint="Choose occlusion or attention.",
            field="method",
        )
    if reason := method.refuse(lm):
        raise NotSupported(reason, hint="Choose another method.", field="method")


def sequence_ids(spec, lm, tick) -> Ids:
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


def ask(spec, method: Method, tokens: tuple[Token, ...], score: Callable) -> Ask:
    """What the method is asked about `score` on these tokens."""
    given = {name: getattr(spec, name) for name in ASKED}
    reduce = REDUCTIONS[reduction(method, spec.aggregation)]
    return Ask(score=score, reduce=reduce, features=_features(spec.window, tokens[:-1]), **given)


def _features(window: str, inputs: tuple[Token, ...]) -> np.ndarray | None:
    """Equal numbers for inputs that are taken away together. (n_inputs,)"""
    if window == "token":
        return None
    return np.array((word_ids if window == "word" else sentence_ids)(inputs))


def unit(spec, method: Method) -> str:
    """The unit of the method's scores: that of what is explained, or the method itself."""
    return STEP_FUNCTIONS[spec.step_function].unit if "step_function" in method.options else method.name


def scores_array(scores: torch.Tensor, name: str, leading: dict[str, tuple] | None = None) -> NamedArray:
    """Scores (..., G, n_inputs) as an array over (..., input, generated), with unit `name`.

    The last generated token is read by nobody: a row of its own, all missing, so that rows are tokens. Raises
    NotSupported for infinite scores.
    """
    values = scores.transpose(-1, -2).float().numpy()  # (..., n_inputs, G)
    _check_finite(np.isinf(values).any())
    missing = np.full((*values.shape[:-2], 1, values.shape[-1]), np.nan, dtype=np.float32)
    values = np.concatenate([values, missing], -2)
    axes = {"input": positions(values.shape[-2]), "generated": positions(values.shape[-1])}
    return NamedArray(values, (leading or {}) | axes, name)


def steps_array(steps: dict[str, torch.Tensor]) -> NamedArray:
    """Step scores (G,) by name as one array. Raises NotSupported for those that are not finite."""
    table = np.stack([values.float().numpy() for values in steps.values()])  # (step functions, G)
    _check_finite(not np.isfinite(table).all())
    return NamedArray(table, {"step_function": tuple(steps), "generated": positions(table.shape[1])}, "")


def _check_finite(broken: bool) -> None:
    if broken:
        raise NotSupported(
            "the scores are not finite: a written token has probability zero, or the model overflows.",
            hint="Explain the probability instead of its logarithm, or another output.",
            field="step_function",
        )


def parts_arrays(answer: Answer, name: str) -> dict[str, NamedArray]:
    """The finer scores behind an answer, by name."""
    return {part: scores_array(values, name, leading) for part, (leading, values) in answer.parts.items()}


def model_notes(spec, lm) -> dict:
    """Which model in which shape, and when."""
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
        "forced": bool(getattr(spec, "continuation", "")),
        "recorded": datetime.now(timezone.utc).date().isoformat(),
    }


def method_notes(spec, lm, method: Method) -> dict:
    """What the scores are, as far as the spec tells."""
    name = reduction(method, spec.aggregation) if "aggregation" in method.options else ""
    asks = "step_function" in method.options
    return {
        "method": method.label,
        "signed": method.signed and (not name or name in SIGNED_REDUCTIONS),
        "aggregation": name,
        "target": STEP_FUNCTIONS[spec.step_function].label if asks else method.label,
        "unit": unit(spec, method),
        "baseline": resolve_baseline(lm, spec.baseline) if "baseline" in method.options else "",
    }
