"""Figures' values as plain tables, for pages without scripts and notebooks that are not trusted: headings and rows."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import numpy as np

Rows = tuple[tuple[str, ...], Iterable[tuple[str, ...]]]


def _matrix(packed: dict) -> np.ndarray:
    scores = np.frombuffer(base64.b64decode(packed["f32"]), dtype="<f4")
    return np.nan_to_num(scores.reshape(packed["rows"], packed["cols"]))


def _percent(p: float | None) -> str:
    return "" if p is None else f"{p:.1%}"


def _strongest(scores: np.ndarray, texts: list[str], most: int = 3) -> str:
    """The texts of largest score in size, with their share of the whole."""
    sizes = np.abs(scores)
    total = sizes.sum() or 1.0
    best = [i for i in np.argsort(-sizes, kind="stable")[:most] if sizes[i] > 0]
    return ", ".join(f"‘{texts[i]}’ {scores[i] / total:.0%}" for i in best)


def token_heatmap(value: dict) -> Rows:
    scores, texts = _matrix(value["scores"]), [token["text"] for token in value["tokens"]]
    probabilities = value["steps"].get("probability") or [None] * len(value["generated"])
    rows = [
        (texts[token], _percent(probabilities[column]), _strongest(scores[:, column], texts))
        for column, token in enumerate(value["generated"])
    ]
    return ("Generated", "Probability", "Relies most on"), rows


def contrastive(value: dict) -> Rows:
    scores, texts = _matrix(value["scores"]["difference"]), [token["text"] for token in value["tokens"]]
    rows = []
    for column in value["compared"]:
        a, b = value["a"][column], value["b"][column]
        speaks = _strongest(scores[:, column], texts)
        rows.append((a["text"], _percent(a["p"]), b["text"], _percent(b["p"]), speaks))
    return ("A", "p(A)", "B", "p(B)", "Speaks for A (+) or B (−)"), rows


def context_reliance(value: dict) -> Rows:
    cues, texts = _matrix(value["scores"]), [token["text"] for token in value["tokens"]]
    context, metric = [texts[i] for i in value["context"]], value["metrics"][0]
    rows = []
    for column, token in enumerate(value["generated"]):
        score = metric["values"][column]
        number = "" if score is None else f"{score:.3g} {metric['unit']}".strip()
        both = f"{_percent(value['p_with'][column])} / {_percent(value['p_without'][column])}"
        rows.append((texts[token], number, both, _strongest(cues[:, column], context)))
    return ("Answer", metric["label"], "p with / without the context", "Cues"), rows


def neuron_factors(value: dict) -> Rows:
    texts = [token["text"] for token in value["tokens"]]
    rows = []
    for factor in value["factors"]:
        values = np.array([0.0 if v is None else v for v in factor["values"]])
        rows.append((str(factor["number"]), _percent(factor["share"]), _strongest(values, texts, 5)))
    return ("Factor", "Share", "Most active at"), rows


def layer_grid(value: dict) -> Rows:
    first = value["matrices"][0]
    cells = _matrix(first)
    rows = [(name, *(f"{cell:.4g}" for cell in row)) for name, row in zip(value["rows"]["names"], cells, strict=True)]
    return (f"{first['label']} by {value['rows']['label'].lower()}", *value["cols"]["names"]), rows
