"""A context-reliance result as the plain JSON that the ContextReliance component draws."""

from __future__ import annotations

import numpy as np

from spaces_app.figures.base import Figure
from spaces_app.figures.packing import badges, packed, plain, sentences
from spaces_app.figures.still import pairs, tables
from spaces_app.figures.terminal.pairs import context_table
from spaces_app.results import Result
from spaces_app.tokens import word_ids


def context_reliance(result: Result, *, state: str = "", origin: str = "") -> dict:
    """The component's value for a result of the context-reliance analysis.

    `state` is the view part of a link (`sel:3-3,metric:kl-divergence,cut:100,…`), which the component reads; `origin`
    is "recorded", "computed" or "stored". All scores travel, so that the reader's cuts need no new run. Raises
    ValueError when tokens and scores of the result do not belong together.
    """
    notes, tokens = result.notes, result.tokens
    generated = [i for i, token in enumerate(tokens) if token.segment == "generated"]
    context = sorted({*notes["context_tokens"], *notes.get("output_context_tokens", ())})
    cues, cti = result.arrays["attributions"].values, result.arrays["cti"]
    if cues.shape != (len(tokens), len(generated)) or cti.values.shape[1] != len(generated):
        raise ValueError(f"scores {cues.shape} do not fit {len(tokens)} tokens")
    steps = result.arrays["step_scores"]
    thresholds = notes.get("thresholds") or {}
    floors = thresholds.get("floor") or {}
    return {
        "kind": "context_reliance",
        "tokens": [token.to_dict() for token in tokens],
        "groups": {"word": word_ids(tokens)},
        "generated": generated,
        "context": context,
        "metrics": [
            {
                "name": name,
                "label": notes["metrics"][name]["label"],
                "unit": notes["metrics"][name]["unit"],
                "values": plain(cti.select(metric=name).values),
                "least": floors.get(name, 0.0),
            }
            for name in cti.axes["metric"]
        ],
        "scores": packed(cues[context]),
        "p_with": plain(steps.select(step_function="probability").values),
        "p_without": plain(steps.select(step_function="contrast_prob").values),
        "without": _without(notes),
        "sentences": _sentences(result),
        "defaults": {
            "metric": notes.get("metric", ""),
            "sigma": thresholds.get("sigma", 1.0),
            "cue": 1.0,
            "top": 0,
            "least": floors.get(notes.get("metric", ""), 0.0),
        },
        "signed": bool(notes.get("signed", False)),
        "method": str(notes.get("method", "")),
        "target": str(notes.get("target", "")),
        "unit": result.arrays["attributions"].unit,
        "state": state,
        "notes": sentences(notes),
        "origin": origin,
        "badges": badges(notes, origin),
    }


def _without(notes: dict) -> list[dict]:
    """What the model would have said without the context, in pieces that stand under columns of the answer."""
    texts = ["" if token["special"] else token["text"] for token in notes["without"]["tokens"]]
    spans = [
        {"start": first, "stop": last - 1, "text": "".join(texts[j1:j2]), "same": tag == "equal"}
        for tag, first, last, j1, j2 in notes.get("without_diff") or ()
    ]
    return [span for span in spans if span["text"] or not span["same"]]


def _sentences(result: Result) -> dict | None:
    listed = result.notes.get("sentences") or []
    if not listed or "without_sentence" not in result.arrays:
        return None
    weights = result.arrays.get("surrogate")
    found = {
        "spans": [[min(sentence["tokens"]), max(sentence["tokens"])] for sentence in listed],
        "without": packed(np.asarray(result.arrays["without_sentence"].values)),
    }
    return found if weights is None else found | {"weights": packed(weights.values)}


FIGURE = Figure(
    component="context_reliance",
    value=context_reliance,
    drawing=pairs.context_reliance,
    table=context_table,
    rows=tables.context_reliance,
    thumbnail="attributions",
)
