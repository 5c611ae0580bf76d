"""The answer to a LayersSpec: ranks, probabilities and the likeliest words after every layer. Runs in a lane."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from spaces_app.analyses.layers.spec import LayersSpec
from spaces_app.analyses.shared.ids import Ids, sequence_ids
from spaces_app.analyses.shared.notes import model_notes
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.states.lens import Lens, lens
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


def compute(spec: LayersSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """What every layer holds of every token that is read, through the model's own output layer.

    Raises SpecError for texts that do not fit the model, and NotSupported for models whose layers cannot be read.
    """
    began = time.perf_counter()
    ids = sequence_ids(spec, lm, tick)
    written = time.perf_counter()
    tokens = tuple(lm.tokens(*ids))
    read = _read(spec, ids)
    run = ForcedPass(lm, read, chunk_mb=settings.chunk_mb, tick=tick)
    watched = [(word, int(lm.encode_continuation(spec.prompt, word)[0])) for word in spec.watched()]
    asked = torch.tensor([[token, *(i for _, i in watched)] for token in read[2]], device=lm.device)
    found = lens(run, asked, top_k=spec.top_k)
    columns = positions(len(tokens))[len(tokens) - len(read[2]) :]
    seconds = {"generate": round(written - began, 3), "read": round(time.perf_counter() - written, 3)}
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision, continuation_ids=ids[2]),
        tokens=tokens,
        arrays=_arrays(found, columns, [f"{word}#{i}" for word, i in watched]),
        notes=model_notes(spec, lm)
        | {
            "seconds": seconds,
            "warnings": [*lm.notes, *lm.warnings(spec.prompt, spec.continuation)],
            "layer_labels": ["embeddings", *(f"layer {i}" for i in range(found.rank.shape[0] - 1))],
            "watched": [{"text": word, "id": i} for word, i in watched],
            "vocabulary": _vocabulary(lm, ids, found),
            "settled": _settled(found, columns),
        },
    )


def _read(spec: LayersSpec, ids: Ids) -> Ids:
    """The run whose targets are read: with scope "all", every token of a decoder-only model but the first."""
    source, prompt, generated = ids
    return (source, prompt[:1], (*prompt[1:], *generated)) if spec.scope == "all" and not source else ids


def _arrays(found: Lens, columns: tuple[int, ...], watched: list[str]) -> dict[str, NamedArray]:
    axes = {"layer": positions(found.rank.shape[0]), "token": columns}
    arrays = {
        "rank": NamedArray(_plain(found.rank[..., 0]), axes, "rank"),
        "probability": NamedArray(_plain(found.probability[..., 0]), axes, "probability"),
        "entropy": NamedArray(_plain(found.entropy), axes, "nats"),
        "kl": NamedArray(_plain(found.kl), axes, "nats"),
    }
    if found.top_ids.shape[-1]:
        places = axes | {"place": positions(found.top_ids.shape[-1])}
        arrays["top_ids"] = NamedArray(_plain(found.top_ids), places, "id")
        arrays["top_probabilities"] = NamedArray(_plain(found.top_probabilities), places, "probability")
    if watched:
        rows = {"watched": tuple(watched)} | axes
        arrays["watched_rank"] = NamedArray(np.moveaxis(_plain(found.rank[..., 1:]), -1, 0), rows, "rank")
        likely = np.moveaxis(_plain(found.probability[..., 1:]), -1, 0)
        arrays["watched_probability"] = NamedArray(likely, rows, "probability")
    return arrays


def _plain(values: torch.Tensor) -> np.ndarray:
    return values.float().numpy()


def _vocabulary(lm: LoadedModel, ids: Ids, found: Lens) -> dict[str, str]:
    """The text of every id among the likeliest, as it reads after the prompt."""
    before = ids[1][-1:]
    return {str(i): lm.tokens((), before, (i,))[-1].text for i in sorted(set(found.top_ids.flatten().tolist()))}


def _settled(found: Lens, columns: tuple[int, ...]) -> dict[str, int | None]:
    """For each token the first layer from which it stays the likeliest to the end, None where it is not at the end."""
    first = (found.rank[..., 0] == 1).numpy()  # (L + 1, T)
    stays = np.logical_and.accumulate(first[::-1])[::-1]
    return {str(c): int(np.argmax(s)) if s[-1] else None for c, s in zip(columns, stays.T, strict=True)}
