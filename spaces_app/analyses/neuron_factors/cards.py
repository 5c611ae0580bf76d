"""What is known of each factor: its heaviest neurons, the tokens that fire them, and the words they write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from spaces_app.analyses.neuron_factors.activation_table import Table
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.engine.states.activations import projections
from spaces_app.engine.states.factors import Factors
from spaces_app.engine.states.linear_path import logits_of
from spaces_app.errors import NotSupported

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


MOST_NEURONS, MOST_TOKENS, MOST_WORDS = 20, 4, 10
LINEAR = (
    "What a factor writes or holds back is read off the weights: its neurons' outputs go straight through the output "
    "layer, and what later layers make of them is left out."
)


def cards(spec: NeuronFactorsSpec, lm: LoadedModel, table: Table, factors: Factors) -> tuple[list[dict], str]:
    """One card for each factor, as plain data, and the sentence on how to read the words in it ("" without any)."""
    words, linear = _words(lm, table, factors.h)
    side, layer, index, sign = _columns(table)
    found = []
    for f, row in enumerate(factors.h):
        heaviest = heavy(row, spec.ablate_share)
        found.append(
            {
                "number": f + 1,
                "share": round(float(factors.shares[f]), 6),
                "n_neurons": len(heaviest),
                "neurons": [
                    {
                        "side": str(side[c]),
                        "layer": int(layer[c]),
                        "index": int(index[c]),
                        "sign": str(sign[c]),
                        "weight": float(f"{row[c]:.6g}"),
                        "tokens": _fires(table.values[:, c], table.rows),
                    }
                    for c in np.argsort(-row, kind="stable")[:MOST_NEURONS]
                    if row[c] > 0
                ],
                "stability": None if factors.stability is None else round(float(factors.stability[f]), 4),
                **words[f],
            }
        )
    return found, linear


def heavy(row: np.ndarray, share: float) -> np.ndarray:
    """The fewest columns, heaviest first, that hold this share of a factor's squared weight. row (m,)"""
    order = np.argsort(-row, kind="stable")
    sums = np.cumsum(row[order].astype(np.float64) ** 2)
    count = int(np.searchsorted(sums, share * sums[-1] * (1 - 1e-9))) + 1
    return order[: min(count, int((row > 0).sum()))]


def _columns(table: Table) -> tuple[np.ndarray, ...]:
    """Side, layer, number and sign of the neuron behind each column, each (m,)."""
    spans = [(block, place.stop - place.start) for block, place in table.blocks]
    side, layer, sign = (np.repeat([block[i] for block, _ in spans], [n for _, n in spans]) for i in range(3))
    return side, layer, np.concatenate([np.arange(n) for _, n in spans]), sign


def _fires(values: np.ndarray, rows: tuple[int, ...]) -> list[int]:
    """Tokens at which a column is largest, strongest first."""
    order = np.argsort(-values, kind="stable")[:MOST_TOKENS]
    return [rows[i] for i in order if values[i] > 0]


def _words(lm: LoadedModel, table: Table, h: np.ndarray) -> tuple[list[dict], str]:
    """For each factor the words that its neurons, each as heavy as in the factor, make likelier and less likely."""
    none: list[dict] = [{"promoted": [], "suppressed": []} for _ in h]
    blocks = [(block, place) for block, place in table.blocks if block[0] == "decoder"]
    parts = projections(lm, "decoder") if blocks else ()
    if not parts or any(part.weight.device.type == "meta" for part in parts):  # not in memory but while it is used
        return none, ""
    directions = torch.zeros(len(h), lm.facts.d_model, dtype=torch.float32, device="cpu")
    for (_, layer, sign), place in blocks:
        weight = parts[layer].weight  # (width, D)
        mixed = h[:, place] * table.scale[place] * (-1 if sign == "-" else 1)
        with torch.no_grad():
            mixed = torch.from_numpy(mixed.astype(np.float32)).to(weight.device, weight.dtype)
            directions += (mixed @ weight).float().cpu()
    try:
        logits = logits_of(lm, directions)  # (k, V)
    except NotSupported:
        return none, ""
    count = min(MOST_WORDS, logits.shape[1] // 2)
    empty = directions.norm(dim=1) == 0  # an encoder's factor
    found = [
        blank if bare else {"promoted": _named(lm, row, count), "suppressed": _named(lm, row, count, lowest=True)}
        for blank, bare, row in zip(none, empty.tolist(), logits, strict=True)
    ]
    return found, LINEAR


def _named(lm: LoadedModel, logits: torch.Tensor, count: int, *, lowest: bool = False) -> list[dict]:
    values, ids = logits.topk(count, largest=not lowest, sorted=True)
    texts = [lm.tokens((), lm.decoder_start or (i,), (i,))[-1].text for i in ids.tolist()]
    return [
        {"id": i, "text": text, "weight": round(value, 4)}
        for i, text, value in zip(ids.tolist(), texts, values.tolist(), strict=True)
    ]
