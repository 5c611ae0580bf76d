"""A contrastive result as the plain JSON that the ContrastMap component draws."""

from __future__ import annotations

from spaces_app.figures.base import Figure
from spaces_app.figures.packing import badges, packed, plain, sentences
from spaces_app.figures.still import pairs, tables
from spaces_app.figures.terminal.pairs import contrastive_table
from spaces_app.results import Result
from spaces_app.tokens import word_ids

_CURVES = {"p_a": "probability_a", "p_b": "probability_b", "rank_a": "rank_a", "rank_b": "rank_b"}


def contrastive(result: Result, *, state: str = "", origin: str = "") -> dict:
    """The component's value for a result of the contrastive analysis.

    `state` is the view part of a link (`sel:0-0,unit:word,show:difference,lines:p`), which the component reads;
    `origin` is "recorded", "computed" or "stored". Raises ValueError when tokens and scores do not belong together.
    """
    notes, tokens, arrays = result.notes, result.tokens, result.arrays
    generated = [i for i, token in enumerate(tokens) if token.segment == "generated"]
    if arrays["difference"].values.shape != (len(tokens), len(generated)):
        raise ValueError(f"difference {arrays['difference'].values.shape} does not fit {len(tokens)} tokens")
    steps = arrays["step_scores"]
    p_a = plain(steps.select(step_function="probability").values)
    p_b = plain(steps.select(step_function="contrast_prob").values)
    a = [{"id": tokens[i].id, "text": tokens[i].text, "p": p} for i, p in zip(generated, p_a, strict=True)]
    b = [
        {"id": token["id"], "text": token["text"], "p": p} if differs else None
        for token, p, differs in zip(notes["b_tokens"], p_b, notes["compared"], strict=True)
    ]
    names = {"difference": "difference", "a": "towards_a", "b": "towards_b"}
    chosen = ("B", "the model's second choice") if notes.get("chosen") else ("B", "")
    return {
        "kind": "contrastive",
        "tokens": [token.to_dict() for token in tokens],
        "groups": {"word": word_ids(tokens)},
        "generated": generated,
        "scores": {kind: packed(arrays[name].values) for kind, name in names.items() if name in arrays},
        "compared": [column for column, differs in enumerate(notes["compared"]) if differs],
        "a": a,
        "b": b,
        "top": _top(result),
        "layers": _layers(result),
        "pair": _pair(notes.get("other")),
        "signed": bool(notes.get("signed", True)),
        "method": str(notes.get("method", "")),
        "target": str(notes.get("target", "")),
        "unit": arrays["difference"].unit,
        "state": state,
        "notes": sentences(notes),
        "origin": origin,
        "badges": badges(notes, origin, chosen),
    }


def _top(result: Result) -> list[list[dict]]:
    """The likeliest next tokens at each place: id, text and probability."""
    if "alternatives" not in result.arrays:
        return []
    rows = result.arrays["alternatives"].values
    return [
        [{"id": token["id"], "text": token["text"], "p": p} for token, p in zip(texts, plain(row), strict=False)]
        for texts, row in zip(result.notes["alternatives"], rows, strict=True)
    ]


def _layers(result: Result) -> dict | None:
    array = result.arrays.get("layers")
    if array is None:
        return None
    curves = {name: packed(array.select(quantity=quantity).values) for name, quantity in _CURVES.items()}
    return {"labels": list(array.axes["layer"])} | curves


def _pair(other: dict | None) -> dict | None:
    """The other prompt of a minimal pair; what differs from this one is marked."""
    if other is None:
        return None
    differs = {j for tag, _, _, j1, j2 in other["diff"] if tag != "equal" for j in range(j1, j2)}
    shown = [
        {"text": token["text"], "changed": j in differs}
        for j, token in enumerate(other["tokens"])
        if token["segment"] != "generated" and not token["special"]
    ]
    return {"label": "B after", "tokens": shown}


FIGURE = Figure(
    component="contrastive",
    value=contrastive,
    drawing=pairs.contrastive,
    table=contrastive_table,
    rows=tables.contrastive,
    thumbnail="difference",
)
