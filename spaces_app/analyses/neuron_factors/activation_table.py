"""The matrix that factors are found in: activations of chosen layers along a text, without negative numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.analyses.shared.ids import Ids
from spaces_app.engine.states.activations import Activations
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods.choices import chosen

LARGEST = 2**29  # cells: 2 GB
Block = tuple[str, int, str]  # side, layer, sign: the columns of one layer's neurons, "-" for their negative halves


@dataclass(frozen=True)
class Table:
    """What is factorized: X (n, m) ≥ 0, one row for each entry of `rows` (the token it is shown at).

    blocks: which neurons the columns are, with the slice of each. scale (m,): what each column was divided by.
    discarded: share of the squared activation that is not in X.
    """

    values: np.ndarray
    rows: tuple[int, ...]
    blocks: tuple[tuple[Block, slice], ...]
    scale: np.ndarray
    discarded: float

    @property
    def layers(self) -> list[tuple[str, int]]:
        """Every (side, layer) whose neurons are in the table, in order."""
        return list(dict.fromkeys(block[:2] for block, _ in self.blocks))

    @property
    def layer_labels(self) -> list[str]:
        """Names of the layers; with the side where there are two."""
        both = len({side for side, _ in self.layers}) > 1
        return [f"{side} {layer}" if both else f"layer {layer}" for side, layer in self.layers]

    def by_layer(self, h: np.ndarray) -> np.ndarray:
        """The share of each factor's squared weight in each layer. h (k, m) → (k, layers)"""
        squares = np.stack([[float(np.vdot(row[place], row[place])) for _, place in self.blocks] for row in h])
        places = [[i for i, (block, _) in enumerate(self.blocks) if block[:2] == key] for key in self.layers]
        sums = np.stack([squares[:, some].sum(1) for some in places], 1)
        return (sums / np.maximum(sums.sum(1, keepdims=True), 1e-30)).astype(np.float32)


def table_of(spec: NeuronFactorsSpec, ids: Ids, sides: tuple[str, ...], sign: str, found: Activations) -> Table:
    """The matrix to take apart; where both sides are read, what one has no activations for is 0.

    Raises SpecError for too few tokens, too many factors and layers there are not, NotSupported where nothing fires.
    """
    n_source, n_decoder = len(ids[0]), len(ids[1]) + len(ids[2])
    rows: list[int] = []
    parts, blocks, n_columns, total, kept = [], [], 0, 0.0, 0.0
    for side in sides:
        first, count = (0, n_source) if side == "encoder" else (n_source, n_decoder)
        ahead = int(side == "decoder" and spec.align == "output")
        taken = range(int(spec.skip_first), count - ahead)
        layers = chosen(spec.layers, len(found.values[side]), "layers")
        if not taken:
            continue
        for layer in layers:
            raw = found.values[side][layer][taken.start : taken.stop].astype(np.float32)
            if not np.isfinite(raw).all():
                raise NotSupported("the activations of this model overflow.", hint="Load it in float32.", field="model")
            total += float(np.vdot(raw, raw))
            for half, sense in (("+", 1), ("-", -1))[: 2 if sign == "split" else 1]:
                values = np.maximum(sense * raw, 0)
                kept += float(np.vdot(values, values))
                parts.append((values, len(rows)))
                blocks.append(((side, layer, half), slice(n_columns, n_columns + raw.shape[1])))
                n_columns += raw.shape[1]
        rows += [first + at + ahead for at in taken]
    _check(spec, len(rows), n_columns, kept)
    values = np.zeros((len(rows), n_columns), np.float32)
    for (part, start), (_, columns) in zip(parts, blocks, strict=True):
        values[start : start + len(part), columns] = part
    scale = _scale(values, blocks, spec.scaling)
    values /= scale
    return Table(values, tuple(rows), tuple(blocks), scale, max(0.0, 1 - kept / total))


def _check(spec: NeuronFactorsSpec, n_rows: int, n_columns: int, kept: float) -> None:
    if n_rows < 2:
        raise SpecError("the text is too short to take apart.", hint="Use one of several words.", field="prompt")
    if spec.k > n_rows:
        raise SpecError(
            f"{spec.k} factors are more than the {n_rows} tokens there are.",
            hint=f"Ask for at most {n_rows}, or give a longer text.",
            field="k",
        )
    if n_rows * n_columns > LARGEST:
        raise SpecError("the activations of these layers are too many at once.", hint="Choose fewer.", field="layers")
    if not kept > 0:
        raise NotSupported("no neuron of these layers fires along the text.", hint="Choose others.", field="layers")


def _scale(values: np.ndarray, blocks: list, scaling: str) -> np.ndarray:
    """What each column is divided by: 1, or the root mean square of its layer or of itself. (m,)"""
    found = np.ones(values.shape[1], np.float32)
    if scaling == "neuron":
        found = np.sqrt(np.einsum("nm,nm->m", values, values) / len(values))
    elif scaling == "layer":
        for key in {block[:2] for block, _ in blocks}:
            columns = [place for block, place in blocks if block[:2] == key]
            part = np.concatenate([values[:, place] for place in columns], 1)
            for place in columns:
                found[place] = np.sqrt(np.mean(part**2))
    return np.where(found > 0, found, 1).astype(np.float32)
