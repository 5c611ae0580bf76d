"""Results as the JSON that Inseq 0.7.1 saves and loads (`FeatureAttributionOutput`). Needs no Inseq.

What Inseq's format has no place for (revision, versions, segments, units) stands in `info["seqscope"]`, which Inseq
carries along, so that a result comes back whole from Inseq too.
"""

from __future__ import annotations

import base64
import json
import re

import numpy as np
from safetensors.numpy import save

from spaces_app.errors import NotSupported
from spaces_app.results import Result
from spaces_app.tokens import Token
from spaces_app.version import __version__

_OUTPUT = ["inseq.data.attribution", "FeatureAttributionOutput"]
# One score for each pair of tokens, already aggregated: what Inseq has for occlusion. Shown as it is.
_SEQUENCE = ["inseq.data.attribution", "CoarseFeatureAttributionSequenceOutput"]
_TOKEN = ["inseq.utils.typing", "TokenWithId"]
NOT_RELATIVES = {"attributions", "step_scores"}  # the arrays that Inseq has a place for


def dumps(*results: Result) -> str:
    """One file for one or several results of one analysis, as `FeatureAttributionOutput.load` reads it.

    Raises NotSupported for results without attributions (input × generated).
    """
    if not results:
        raise NotSupported("there is no result to save.")
    for result in results:
        if "attributions" not in result.arrays or list(result.arrays["attributions"].axes) != ["input", "generated"]:
            raise NotSupported(f"Inseq's format has no place for a {result.spec.kind} result.", hint="Save it as JSON.")
    attributes = {
        "info": _info(results),
        "sequence_attributions": [_sequence(result) for result in results],
        "step_attributions": None,
    }
    return json.dumps(_instance(_OUTPUT, attributes), indent=4, sort_keys=True, allow_nan=False) + "\n"


def _sequence(result: Result) -> dict:
    tokens, scores = result.tokens, result.arrays["attributions"].values
    source = [i for i, token in enumerate(tokens) if token.segment == "source"]
    target = [i for i, token in enumerate(tokens) if token.segment != "source"]
    start = sum(token.segment == "prompt" for token in tokens)
    prefix = scores[target]
    # A decoder-only model's source is its prompt once more, for showing.
    shown = source or target[:start]
    steps = result.arrays.get("step_scores")
    names = steps.axes["step_function"] if steps is not None else ()
    by_step = {} if steps is None else {name: _tensor(steps.values[k]) for k, name in enumerate(names)}
    return _instance(
        _SEQUENCE,
        {
            "attr_pos_start": start,
            "attr_pos_end": len(target),
            "source": [_token(tokens[i]) for i in shown],
            "target": [_token(tokens[i]) for i in target],
            "source_attributions": _tensor(scores[source]) if source else None,
            "target_attributions": None if source and np.isnan(prefix).all() else _tensor(prefix),
            "step_scores": by_step,
            "sequence_scores": {},
        },
    )


def _info(results: tuple[Result, ...]) -> dict:
    """What Inseq keeps about a run, under its names, and the rest under ours."""
    first = results[0]
    spec, notes = first.spec, first.notes
    inputs = ["".join(t.text for t in r.tokens if _given(r, t) and not t.special) for r in results]
    plain = [r.text for r in results]
    encoder = any(token.segment == "source" for token in first.tokens)
    steps = first.arrays.get("step_scores")
    return {
        "attribute_target": bool(getattr(spec, "attribute_prefix", False)),
        "attributed_fn": getattr(spec, "step_function", None),
        "attributed_fn_args": {},
        "attribution_args": {},
        "attribution_method": str(getattr(spec, "method", spec.kind)),
        "constrained_decoding": bool(notes.get("forced")),
        "exec_time": float((notes.get("seconds") or {}).get("attribute") or 0.0),
        "generate_from_target_prefix": False,
        # Inseq gives a decoder-only model's text with its prompt.
        "generated_texts": plain if encoder else [a + b for a, b in zip(inputs, plain, strict=True)],
        "generation_args": {},
        "include_eos_baseline": False,
        "input_texts": inputs,
        "model_class": str(notes.get("model_class") or ""),
        "model_name": str(notes.get("model") or spec.model),
        "output_step_attributions": False,
        "seqscope": {"version": __version__, "results": [_rest(result) for result in results]},
        "step_scores": list(steps.axes["step_function"]) if steps is not None else [],
        "step_scores_args": {},
        "tokenizer_class": None,
        "tokenizer_name": None,
    }


def _rest(result: Result) -> dict:
    """What the tensors and Inseq's own fields do not hold."""
    return {
        "spec": result.spec.to_dict(),
        "notes": result.notes,
        "tokens": [[token.segment, token.special] for token in result.tokens],
        # In their order, which Inseq's sorted keys lose.
        "steps": list(result.arrays["step_scores"].axes["step_function"]) if "step_scores" in result.arrays else [],
        "units": {name: result.arrays[name].unit for name in NOT_RELATIVES & result.arrays.keys()},
        "arrays": {n: array.to_dict() for n, array in result.arrays.items() if n not in NOT_RELATIVES},
    }


def _given(result: Result, token: Token) -> bool:
    encoder = any(other.segment == "source" for other in result.tokens)
    return token.segment == ("source" if encoder else "prompt")


def _token(token: Token) -> dict:
    # A lone surrogate cannot be UTF-8, which Inseq's file is read as.
    return _instance(_TOKEN, {"id": token.id, "token": re.sub("[\ud800-\udfff]", "\ufffd", token.text)})


def _tensor(values: np.ndarray) -> str:
    return base64.b64encode(save({"attribution": np.ascontiguousarray(values, dtype=np.float32)})).decode("ascii")


def _instance(kind: list[str], attributes: dict) -> dict:
    return {"__instance_type__": kind, "attributes": attributes}
