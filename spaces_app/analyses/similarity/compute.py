"""The answer to a SimilaritySpec: a number for every two layers. Runs in a lane."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from spaces_app.analyses.shared.notes import model_notes
from spaces_app.analyses.similarity.spec import SimilaritySpec
from spaces_app.arrays import NamedArray
from spaces_app.engine.generate import check_length
from spaces_app.engine.states.activations import activations
from spaces_app.engine.states.lens import streaming
from spaces_app.engine.states.similarity import MEASURES, Decomposed
from spaces_app.errors import SpecError
from spaces_app.models.adapters import Adapter
from spaces_app.models.facts import blocks
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.tokens import Token
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


FEWEST = 3  # rows for CKA: of two, every pair of layers is alike
ROWS_PER_DIRECTION = 4  # unrelated directions correlate by chance, the more the fewer rows there are for each


@dataclass(frozen=True)
class Read:
    """What the layers of one model hold of one text: an array (n_tokens, width) for each, with the layers' names."""

    tokens: tuple[Token, ...]
    layers: list[np.ndarray]
    labels: list[str]


def compute(
    spec: SimilaritySpec, lm: LoadedModel, tick: Tick, settings: Settings, other: LoadedModel | None = None
) -> Result:
    """Similarity of every two layers, by each measure; `other` is the second model where the question names one.

    Raises SpecError for texts whose tokens cannot be paired or are too few.
    """
    began = time.perf_counter()
    ours = _read(spec, lm, spec.prompt, settings, tick)
    compared = bool(spec.other_prompt or other is not None)
    theirs = _read(spec, other or lm, spec.other_prompt or spec.prompt, settings, tick) if compared else ours
    rows, first, second = _paired(spec, ours, theirs)
    read = time.perf_counter()
    dims = min(spec.dims, (len(first[0]) - 1) // ROWS_PER_DIRECTION)
    said = [*lm.warnings(spec.prompt), *((other or lm).warnings(spec.other_prompt) if spec.other_prompt else ())]
    measures, warnings = _possible(spec, len(first[0]), dims)
    arrays = _arrays(measures, dims, (first, ours.labels), (second, theirs.labels), tick)
    pinned = {"other_revision": spec.other_revision or other.revision} if other is not None else {}
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision, **pinned),
        tokens=ours.tokens,
        arrays=arrays,
        notes=model_notes(spec, lm)
        | {
            "seconds": {"read": round(read - began, 3), "compare": round(time.perf_counter() - read, 3)},
            "warnings": list(dict.fromkeys([*lm.notes, *said, *warnings])),
            "layer_labels": ours.labels,
            "other_labels": theirs.labels,
            "n_rows": len(first[0]),
            "rows": rows,
            "dims": dims,
            "other": None if not compared else _other(spec, other or lm, theirs),
        },
    )


def _read(spec: SimilaritySpec, lm: LoadedModel, text: str, settings: Settings, tick: Tick) -> Read:
    """States or neurons of the encoder where there is one, else of the decoder: of those that read the text."""
    ids = tuple(lm.encode_prompt(text))
    source, decoder = (ids, tuple(lm.decoder_start)) if lm.facts.encoder_decoder else ((), ids)
    check_length(lm, (source, decoder, ()))
    tokens = tuple(lm.tokens(source, () if source else ids, ()))
    if spec.of == "neurons":
        found = activations(lm, (source, decoder), budget=settings.chunk_mb * 2**20, tick=tick)
        layers = list(found.values["encoder" if source else "decoder"])
        return Read(tokens, layers, [f"layer {i}" for i in range(len(layers))])
    kept: dict[int, np.ndarray] = {}
    stack = blocks(lm.model.get_encoder() if source else lm.model.get_decoder())
    adapter, row = Adapter.of(lm), torch.tensor([ids], dtype=torch.long, device=lm.device)

    def keep(number: int, hidden: torch.Tensor) -> None:
        kept[number] = hidden[0].float().cpu().numpy()

    tick(0, 1, "Reading layers")
    with torch.no_grad(), streaming(stack, keep):
        adapter.encode(row) if source else adapter.decode(row)
    layers = [kept[i] for i in range(len(stack) + 1)]
    return Read(tokens, layers, ["embeddings", *(f"layer {i}" for i in range(len(stack)))])


def _paired(spec: SimilaritySpec, ours: Read, theirs: Read) -> tuple[str, list[np.ndarray], list[np.ndarray]]:
    """What the rows are, and both sides' layers over them: tokens where they are as many, else words of one text."""
    skip = int(spec.skip_first)
    same = [token.text for token in ours.tokens] == [token.text for token in theirs.tokens]
    if same or (len(ours.tokens) == len(theirs.tokens) and not spec.other_model):
        rows, other_rows = ([layer[skip:] for layer in side.layers] for side in (ours, theirs))
        return "tokens" if same else "positions", rows, other_rows
    if spec.other_prompt:
        raise SpecError(
            f"the texts have {len(ours.tokens)} and {len(theirs.tokens)} tokens, which cannot be paired.",
            hint="Use texts of as many tokens.",
            field="other_prompt",
        )
    sides = [_words(side.tokens, skip) for side in (ours, theirs)]
    shared = sorted(set(sides[0]) & set(sides[1]))
    pooled, other_pooled = (
        [np.stack([layer[words[word]].mean(0) for word in shared]) if shared else layer[:0] for layer in side.layers]
        for side, words in zip((ours, theirs), sides, strict=True)
    )
    return "words", pooled, other_pooled


def _words(tokens: tuple[Token, ...], skip: int) -> dict[int, list[int]]:
    """Tokens of every word between spaces, by its number, without special tokens and the first one or none."""
    found: dict[int, list[int]] = {}
    text = ""
    for i, token in enumerate(tokens):
        if token.special:
            continue
        lead = token.text[: len(token.text) - len(token.text.lstrip())]
        before = text + lead
        text += token.text
        number = len(before.split()) - int(bool(before) and not before[-1].isspace())
        if i >= skip and token.text.strip():
            found.setdefault(number, []).append(i)
    return found


def _possible(spec: SimilaritySpec, n_rows: int, dims: int) -> tuple[list[str], list[str]]:
    """The measures that so many rows allow, and sentences on what they allow. Raises SpecError for too few."""
    if n_rows < FEWEST:
        behind = " behind the first" if spec.skip_first else ""
        raise SpecError(
            f"the text has too few tokens to compare layers: {n_rows}{behind}.",
            hint=f"Use at least {FEWEST}.",
            field="prompt",
        )
    needed = ROWS_PER_DIRECTION + 1
    few = f"{n_rows} tokens are too few for SVCCA and PWCCA, which need {needed}"
    if dims < 1 and spec.measure in ("svcca", "pwcca"):
        raise SpecError(f"{few}.", hint="Use a longer text, or CKA.", field="prompt")
    if dims < 1:
        return ["cka"] if spec.measure in ("all", "cka") else [], [f"{few}."] if spec.measure == "all" else []
    found = []
    if spec.measure != "cka":
        chance = (dims / (n_rows - 1)) ** 0.5
        found.append(f"{dims} directions of {n_rows} rows: unrelated layers would reach about {chance:.2f} by chance.")
    return list(spec.measures()), found


def _arrays(measures: list[str], dims: int, ours: tuple, theirs: tuple, tick: Tick) -> dict[str, NamedArray]:
    """One matrix (layer, other layer) for each measure."""
    rows, columns = ([Decomposed.of(layer) for layer in side[0]] for side in (ours, theirs))
    total = len(measures) * len(rows)
    arrays: dict[str, NamedArray] = {}
    axes = {"layer": tuple(ours[1]), "other_layer": tuple(theirs[1])}
    for name in measures:
        options = () if name == "cka" else (dims,)
        table = np.empty((len(rows), len(columns)))
        for i, row in enumerate(rows):
            tick(len(arrays) * len(rows) + i, total, "Comparing layers")
            table[i] = [MEASURES[name](row, column, *options) for column in columns]
        arrays[name] = NamedArray(table, axes, "")
    return arrays


def _other(spec: SimilaritySpec, lm: LoadedModel, read: Read) -> dict:
    """What the columns are of."""
    revision = spec.other_revision or lm.revision
    text = "".join(token.text for token in read.tokens if not token.special)
    return {"model": lm.id, "revision": revision, "text": text}
