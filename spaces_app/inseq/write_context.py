"""Context reliance as the JSON of `inseq attribute-context` (Inseq 0.7.1), both ways. Needs no Inseq.

Inseq compares the run without the context with the one that has it, we the other way round; so its KL divergence is our
reversed one, and its differences have the other sign. What its format has no place for stands in `info["seqscope"]`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np

from spaces_app.analyses.context_reliance.spec import ContextRelianceSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.errors import NotSupported, SpecError
from spaces_app.results import Result
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token

# Our metric → (Inseq's name, our array that has Inseq's numbers, the sign they have there).
METRICS = {
    "kl_divergence": ("kl_divergence", "kl_divergence_reverse", 1),
    "kl_divergence_reverse": ("kl_divergence", "kl_divergence_reverse", 1),
    "pcxmi": ("pcxmi", "pcxmi", 1),
    "in_context_pvi": ("in_context_pvi", "in_context_pvi", 1),
    "contrast_prob_diff": ("contrast_prob_diff", "contrast_prob_diff", -1),
    "contrast_logits_diff": ("contrast_logits_diff", "contrast_logits_diff", -1),
    "contrast_logprob_diff": ("in_context_pvi", "in_context_pvi", 1),
}
_PIECES = {"Ġ": " ", "Ċ": "\n", "▁": " "}
# The option of ours that an argument of Inseq's is.
_ARGUMENTS = {
    "model": "model_name_or_path",
    "context": "input_context_text",
    "prompt": "input_current_text",
    "output_context": "output_context_text",
    "template": "input_template",
    "plain_template": "contextless_input_current_text",
    "output_template": "output_template",
    "plain_output_template": "contextless_output_current_text",
    "separator": "decoder_input_output_separator",
    "method": "attribution_method",
    "step_function": "attributed_fn",
}


def dumps(result: Result) -> str:
    """The file that `inseq attribute-context --save_path` would write, with the cues of every word of the answer.

    Raises NotSupported for results of other analyses.
    """
    if result.spec.kind != "context_reliance":
        raise NotSupported(f"Inseq's attribute-context has no place for a {result.spec.kind} result.")
    spec, notes = _asked(result), result.notes
    name, array, sign = METRICS[notes["metric"]]
    generated = [i for i, token in enumerate(result.tokens) if token.segment == "generated"]
    while generated and result.tokens[generated[-1]].special:  # Inseq leaves the end mark out
        generated.pop()
    scores = sign * result.arrays["cti"].select(metric=array).values[: len(generated)]
    texts = [result.tokens[i].text for i in generated]
    explained = np.isfinite(result.arrays["attributions"].values).any(0)  # (G,), what has cues
    order = sorted(np.flatnonzero(explained[: len(generated)]).tolist(), key=lambda step: -abs(scores[step]))
    document = {
        "input_context": spec.context or None,
        "input_context_tokens": _texts(result, "context_tokens"),
        "output_context": spec.output_context or None,
        "output_context_tokens": _texts(result, "output_context_tokens"),
        "output_current": "".join(texts).strip(),
        "output_current_tokens": texts,
        "cti_scores": [float(score) for score in scores],
        "cci_scores": [_cues(result, step, float(scores[step])) for step in order],
        "info": _info(result, name),
    }
    return json.dumps(document, indent=4, ensure_ascii=False, allow_nan=False) + "\n"


def _asked(result: Result) -> ContextRelianceSpec:
    assert isinstance(result.spec, ContextRelianceSpec)  # `dumps` refuses others
    return result.spec


def _texts(result: Result, places: str) -> list[str] | None:
    return [result.tokens[i].text for i in result.notes[places]] or None


def _cues(result: Result, step: int, score: float) -> dict:
    notes, column = result.notes, result.arrays["attributions"].values[:, step]
    generated = [token.text for token in result.tokens if token.segment == "generated"]
    against = notes["alternatives"][step]["text"]

    def scores(places: str) -> list[float] | None:
        return [float(column[i]) for i in notes[places]] or None

    return {
        "cti_idx": step,
        "cti_token": generated[step],
        "contrast_token": against,
        "cti_score": score,
        "contextual_output": "".join(generated[: step + 1]),
        "contextless_output": "".join(generated[:step]) + against,
        "input_context_scores": scores("context_tokens"),
        "output_context_scores": scores("output_context_tokens"),
    }


def _info(result: Result, metric: str) -> dict:
    """Inseq's arguments, as far as they are ours, and the whole result."""
    spec = _asked(result)
    values = {theirs: getattr(spec, ours) or None for ours, theirs in _ARGUMENTS.items()}
    if not spec.context:
        values["input_template"] = "{current}"
    if not spec.output_context:
        values["output_template"] = "{current}"
    values |= {"output_current_text": result.text, "context_sensitivity_metric": metric}
    values |= {"context_sensitivity_std_threshold": None, "attribution_std_threshold": None, "show_viz": False}
    values |= {"has_input_context": bool(spec.context), "has_output_context": bool(spec.output_context)}
    return values | {"seqscope": result.to_dict()}


def loads(text: str) -> Result:
    """The result in a file of `inseq attribute-context`, whole when we wrote it.

    From a file of Inseq's own there are one measure and the cues of the words it selected; the rest is missing. Raises
    SpecError for anything else.
    """
    try:
        document = json.loads(text)
        info = document.get("info") or {}
        if "seqscope" in info:
            return Result.from_dict(info["seqscope"], ContextRelianceSpec)
        return _read(document, info)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise SpecError("this is no file of inseq attribute-context.", field="file") from error


def _read(document: Mapping, info: Mapping) -> Result:
    spec = _spec(document, info)
    context, output = (list(document.get(f"{side}_context_tokens") or ()) for side in ("input", "output"))
    answer = list(document["output_current_tokens"])
    parts = [(context, "prompt"), ([spec.prompt] if spec.prompt else [], "prompt"), (output, "prompt")]
    tokens = [Token(0, _plain(text), segment) for texts, segment in [*parts, (answer, "generated")] for text in texts]
    start = len(context) + bool(spec.prompt)
    places = {"context_tokens": list(range(len(context))), "current_tokens": list(range(len(context), start))}
    places["output_context_tokens"] = list(range(start, start + len(output)))
    name = info.get("context_sensitivity_metric") or "kl_divergence"
    ours, sign = next((array, sign) for theirs, array, sign in METRICS.values() if theirs == name)
    generated = positions(len(answer))
    cues, against = _table(document, places, (len(tokens), len(answer)))
    missing = np.full((2, len(answer)), np.nan)
    return Result(
        spec=spec.replace(metric=ours),
        tokens=tuple(tokens),
        arrays={
            "cti": NamedArray(
                sign * np.array([document["cti_scores"]]), {"metric": (ours,), "generated": generated}, ""
            ),
            "attributions": NamedArray(cues, {"input": positions(len(tokens)), "generated": generated}, ""),
            "step_scores": NamedArray(
                missing, {"step_function": ("probability", "contrast_prob"), "generated": generated}, ""
            ),
        },
        notes=places | _notes(spec, info, ours, (answer, against)),
    )


def _spec(document: Mapping, info: Mapping) -> ContextRelianceSpec:
    """The question of the file; options that are not ours take their defaults."""
    spec = ContextRelianceSpec(sentences="off", continuation=str(document["output_current"]).strip())
    given = {ours: info.get(theirs) for ours, theirs in _ARGUMENTS.items()}
    given |= {"context": document.get("input_context"), "output_context": document.get("output_context")}
    for name, value in given.items():
        try:
            spec = spec.replace(**{name: value}) if isinstance(value, str) else spec
        except SpecError:
            continue
    return spec


def _table(document: Mapping, places: Mapping, shape: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Cues (tokens, G), missing where Inseq gave none, and the text that stands against each word."""
    cues, against = np.full(shape, np.nan), [""] * shape[1]
    for found in document["cci_scores"]:
        step = int(found["cti_idx"])
        against[step] = _plain(found.get("contrast_token") or "")
        for side, kind in (("context_tokens", "input"), ("output_context_tokens", "output")):
            scores = found.get(f"{kind}_context_scores")
            if scores is not None:
                cues[places[side][: len(scores)], step] = scores[: len(places[side])]
    return cues, against


def _notes(spec: ContextRelianceSpec, info: Mapping, metric: str, words: tuple) -> dict:
    answer, against = words
    step = STEP_FUNCTIONS[metric]
    sigma = info.get("context_sensitivity_std_threshold", 1.0)
    sigma = 0.0 if sigma is None or not math.isfinite(float(sigma)) else float(sigma)
    return {
        "model": str(info.get("model_name_or_path") or ""),
        "revision": "",
        "method": str(info.get("attribution_method") or ""),
        "target": str(info.get("attributed_fn") or "probability"),
        "unit": "",
        "signed": False,
        "metric": metric,
        "metrics": {metric: {"label": step.label, "unit": step.unit}},
        "thresholds": {"sigma": sigma, "floor": {metric: 0.0}},
        "alternatives": [{"id": 0, "text": text, "special": False} for text in against],
        "agrees": [text in ("", _plain(own)) for text, own in zip(against, answer, strict=True)],
        "without": {"tokens": [], "text": ""},
        "without_changed": False,
        "without_diff": [],
        "sentences": [],
        "forced": True,
        "warnings": ["Read from a file of Inseq's, which holds the cues of the words that it selected, and no others."],
    }


def _plain(piece: str) -> str:
    """A token as people read it, from the piece of a tokenizer."""
    return "".join(_PIECES.get(char, char) for char in str(piece))
