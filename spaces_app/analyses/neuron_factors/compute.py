"""The answer to a NeuronFactorsSpec: activations as a sum of few factors, and what is known of each. In a lane."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.analyses.neuron_factors.ablation import Ablation
from spaces_app.analyses.neuron_factors.activation_table import Table, table_of
from spaces_app.analyses.neuron_factors.cards import cards
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.analyses.shared.ids import Ids, sequence_ids
from spaces_app.analyses.shared.notes import model_notes
from spaces_app.arrays import NamedArray
from spaces_app.engine.generate import check_length
from spaces_app.engine.per_model import remembered
from spaces_app.engine.progress import Progress
from spaces_app.engine.states.activations import Activations, activations
from spaces_app.engine.states.factors import Factors, factorize
from spaces_app.errors import SpecError
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


WRITING = ("prompt", "continuation", "continuation_ids", "max_new_tokens", "temperature", "top_p", "languages", "seed")


def compute(spec: NeuronFactorsSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """Factors of the feed-forward activations of some layers along a text, read in one pass or remembered from it.

    Raises SpecError for more factors than tokens, texts of one token and layers there are not, NotSupported where
    neurons cannot be found.
    """
    began = time.perf_counter()
    budget, progress = settings.chunk_mb * 2**20, Progress(tick)
    ids = _ids(spec, lm, tick)
    written = time.perf_counter()
    sides, sign = _sides(spec, lm, bool(ids[2])), _sign(spec, lm)
    found, reused = _activations(lm, ids, sign, budget, tick)
    read = time.perf_counter()
    table = table_of(spec, ids, sides, sign, found)
    progress(0, 1, "Finding factors")
    factors = factorize(table.values, spec.k, stability=spec.stability, beat=progress.beat)
    progress(1, 1, "Finding factors")
    known, linear = cards(spec, lm, table, factors)
    fitted = time.perf_counter()
    told = Ablation(spec, lm, ids, tick, budget).run(table, factors.h)
    seconds = {
        "generate": round(written - began, 3),
        "read": round(read - written, 3),
        "factors": round(fitted - read, 3),
        "ablation": round(time.perf_counter() - fitted, 3),
    }
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision, continuation_ids=ids[2]),
        tokens=tuple(lm.tokens(*ids)),
        arrays=_arrays(table, factors, len(lm.tokens(*ids)), spec.scaling) | told.arrays,
        notes=model_notes(spec, lm)
        | _about(spec, table, factors)
        | {
            "seconds": seconds,
            "warnings": [*lm.notes, *lm.warnings(spec.prompt, spec.continuation)],
            "factors": [card | {"ablation": told.by_factor.get(card["number"])} for card in known],
            "sides": list(sides),
            "sign": sign,
            "module": found.module,
            "reused": reused,
            "linear_path": linear,
        },
    )


def _ids(spec: NeuronFactorsSpec, lm: LoadedModel, tick: Tick) -> Ids:
    """The text with what is written behind it, where something is; what was written a moment ago is remembered."""
    if spec.continuation_ids or spec.continuation or spec.max_new_tokens:
        key = ("ids", *(getattr(spec, name) for name in WRITING))
        ids = remembered(lm, key, lambda: sequence_ids(spec, lm, tick))[0]
    else:
        encoded = tuple(lm.encode_prompt(spec.prompt))
        ids = (encoded, tuple(lm.decoder_start), ()) if lm.facts.encoder_decoder else ((), encoded, ())
    check_length(lm, (ids[0], (*ids[1], *ids[2]), ()))
    return ids


def _sides(spec: NeuronFactorsSpec, lm: LoadedModel, writes: bool) -> tuple[str, ...]:
    if spec.side in ("encoder", "both") and not lm.facts.encoder_decoder:
        raise SpecError("this model has no encoder.", field="side")
    if spec.side == "both":
        return ("encoder", "decoder")
    if spec.side != "auto":
        return (spec.side,)
    return ("encoder",) if lm.facts.encoder_decoder and not writes else ("decoder",)


def _sign(spec: NeuronFactorsSpec, lm: LoadedModel) -> str:
    if spec.sign == "gate" and not lm.facts.gated_mlp:
        raise SpecError("the feed-forward parts of this model have no gate.", hint="Use split or clip.", field="sign")
    if spec.sign != "auto":
        return spec.sign
    return "split" if lm.facts.gated_mlp else "clip"


def _activations(lm: LoadedModel, ids: Ids, sign: str, budget: int, tick: Tick) -> tuple[Activations, bool]:
    source, prompt, generated = ids
    pair, gate = (source, (*prompt, *generated)), sign == "gate"
    key = ("activations", pair, gate)
    return remembered(lm, key, lambda: activations(lm, pair, gate=gate, budget=budget, tick=tick), budget=budget)


def _arrays(table: Table, factors: Factors, n_tokens: int, scaling: str) -> dict[str, NamedArray]:
    numbers = tuple(range(1, len(factors.h) + 1))
    values = np.full((len(numbers), n_tokens), np.nan, np.float32)
    values[:, list(table.rows)] = factors.w.T
    unit = "activation" if scaling == "none" else "scaled activation"
    shares = table.by_layer(factors.h)
    names = tuple(table.layer_labels)
    return {
        "factors": NamedArray(values, {"factor": numbers, "token": tuple(range(n_tokens))}, unit),
        "layers": NamedArray(shares, {"factor": numbers, "layer": names}, "share"),
    }


def _about(spec: NeuronFactorsSpec, table: Table, factors: Factors) -> dict:
    near = factors.stability
    return {
        "k": spec.k,
        "discarded": round(table.discarded, 6),
        "error": round(factors.error, 6),
        "explained": round(1 - factors.error**2, 6),
        "iterations": factors.iterations,
        "converged": bool(factors.converged),
        "stability": None if near is None else round(float(near.mean()), 4),
        "layer_labels": table.layer_labels,
        "n_neurons": sum(place.stop - place.start for block, place in table.blocks if block[2] == "+"),
    }
