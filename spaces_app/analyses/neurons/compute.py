"""The answer to a NeuronsSpec: activations of chosen neurons along texts, and which of them do alike. In a lane."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.analyses.neurons.spec import NeuronsSpec
from spaces_app.analyses.shared.ids import Ids, sequence_ids
from spaces_app.analyses.shared.notes import model_notes
from spaces_app.arrays import NamedArray
from spaces_app.engine.generate import check_length
from spaces_app.engine.states.activations import activations
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods.choices import chosen
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.tokens import Token
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


Neuron = tuple[int, int]  # layer, number


@dataclass(frozen=True)
class Text:
    """One text as the model read it: its tokens, which of them have activations, and these by layer (n, width)."""

    tokens: tuple[Token, ...]
    columns: tuple[int, ...]
    layers: tuple[np.ndarray, ...]
    module: str

    def along(self, neurons: list[Neuron]) -> np.ndarray:
        """Activations of some neurons. (neurons, n)"""
        return np.stack([self.layers[layer][:, number] for layer, number in neurons]).astype(np.float32)


def compute(spec: NeuronsSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """Activations of the neurons that are named, or that vary most, along every text, in clusters.

    Raises SpecError for neurons the model has not and texts that are empty, NotSupported where neurons cannot be found.
    """
    began = time.perf_counter()
    ids = _ids(spec, lm, tick)
    written = time.perf_counter()
    side = _side(spec, lm, bool(ids[2]))
    budget = settings.chunk_mb * 2**20
    texts = [_read(lm, ids, side, budget, tick)]
    texts += [_read(lm, _parts(lm, text), side, budget, tick) for text in spec.texts()]
    neurons = _neurons(spec, texts)
    tables = [text.along(neurons) for text in texts]
    if any(not np.isfinite(table).all() for table in tables):
        raise NotSupported("the activations of this model overflow.", hint="Load it in float32.", field="model")
    said = [
        *lm.warnings(spec.prompt, spec.continuation),
        *(line for text in spec.texts() for line in lm.warnings(text)),
    ]
    whole = np.concatenate(tables, 1)
    labels = _clusters(spec, whole)
    order = sorted(range(len(neurons)), key=lambda i: (labels[i], int(whole[i].argmax()), neurons[i]))
    seconds = {"generate": round(written - began, 3), "read": round(time.perf_counter() - written, 3)}
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision, continuation_ids=ids[2]),
        tokens=texts[0].tokens,
        arrays=_arrays([neurons[i] for i in order], labels[order], [table[order] for table in tables], texts),
        notes=model_notes(spec, lm)
        | {
            "seconds": seconds,
            "warnings": list(dict.fromkeys([*lm.notes, *said])),
            "side": side,
            "module": texts[0].module,
            "neurons": [_neuron(neurons[i], int(labels[i]), whole[i], texts[0]) for i in order],
            "texts": [[token.to_dict() for token in text.tokens] for text in texts],
        },
    )


def _ids(spec: NeuronsSpec, lm: LoadedModel, tick: Tick) -> Ids:
    """The text with what is written behind it, where something is."""
    if spec.continuation_ids or spec.continuation or spec.max_new_tokens:
        return sequence_ids(spec, lm, tick)
    return _parts(lm, spec.prompt)


def _parts(lm: LoadedModel, text: str) -> Ids:
    encoded = tuple(lm.encode_prompt(text))
    return (encoded, tuple(lm.decoder_start), ()) if lm.facts.encoder_decoder else ((), encoded, ())


def _side(spec: NeuronsSpec, lm: LoadedModel, writes: bool) -> str:
    if spec.side == "encoder" and not lm.facts.encoder_decoder:
        raise SpecError("this model has no encoder.", field="side")
    if spec.side != "auto":
        return spec.side
    return "encoder" if lm.facts.encoder_decoder and not writes else "decoder"


def _read(lm: LoadedModel, ids: Ids, side: str, budget: int, tick: Tick) -> Text:
    source, prompt, generated = ids
    check_length(lm, (source, (*prompt, *generated), ()))
    found = activations(lm, (source, (*prompt, *generated)), budget=budget, tick=tick)
    tokens = tuple(lm.tokens(*ids))
    columns = range(len(source)) if side == "encoder" else range(len(source), len(tokens))
    if len(columns) < 2:
        raise SpecError(
            "the text has only one token to follow neurons along.", hint="Use a longer one.", field="prompt"
        )
    return Text(tokens, tuple(columns), found.values[side], found.module)


def _neurons(spec: NeuronsSpec, texts: list[Text]) -> list[Neuron]:
    """The neurons that are named, or those of the chosen layers that vary most. Raises SpecError for unknown ones."""
    layers = texts[0].layers
    for layer, number in spec.named():
        if layer >= len(layers):
            raise SpecError(
                f"there is no layer {layer}.", hint=f"Layers are numbered 0 to {len(layers) - 1}.", field="neurons"
            )
        if number >= layers[layer].shape[1]:
            raise SpecError(
                f"layer {layer} has no neuron {number}.",
                hint=f"Its neurons are numbered 0 to {layers[layer].shape[1] - 1}.",
                field="neurons",
            )
    if spec.named():
        return spec.named()
    candidates = []
    for layer in chosen(spec.layers, len(layers), "layers"):
        # A text's first token often has activations many times larger than any other, of the same few neurons.
        rows = np.concatenate([text.layers[layer][1:] for text in texts]).astype(np.float32)
        candidates += [(-float(value), layer, number) for number, value in enumerate(rows.var(0))]
    return [(layer, number) for _, layer, number in sorted(candidates)[: spec.n_neurons]]


def _clusters(spec: NeuronsSpec, table: np.ndarray) -> np.ndarray:
    """The cluster of each neuron, from 1 in the order of their peaks; zeros where none is asked. (neurons,)"""
    count = min(spec.clusters, len(np.unique(table, axis=0)))
    if not count:
        return np.zeros(len(table), dtype=int)
    scaled = _scaled(table) if spec.normalize else table
    if count == 1:
        return np.ones(len(table), dtype=int)
    from sklearn.cluster import AgglomerativeClustering, KMeans

    if spec.clustering == "kmeans":
        method = KMeans(count, n_init=10, random_state=0)
    else:
        method = AgglomerativeClustering(count)
    found = method.fit_predict(scaled.astype(np.float64))
    peaks = {label: int(scaled[found == label].mean(0).argmax()) for label in set(found.tolist())}
    ranked = {label: i + 1 for i, label in enumerate(sorted(peaks, key=lambda label: (peaks[label], label)))}
    return np.array([ranked[label] for label in found.tolist()])


def _scaled(table: np.ndarray) -> np.ndarray:
    """Each neuron's activations divided by the largest of their sizes."""
    largest = np.abs(table).max(1, keepdims=True)
    return table / np.where(largest > 0, largest, 1)


def _arrays(neurons: list[Neuron], labels: np.ndarray, tables: list[np.ndarray], texts: list[Text]) -> dict:
    """Activations along each text; of the first, also the mean of each cluster's normalised ones."""
    names = tuple(f"{layer}:{number}" for layer, number in neurons)
    arrays = {}
    for i, (table, text) in enumerate(zip(tables, texts, strict=True), 1):
        token = "token" if i == 1 else f"token_{i}"
        columns = text.columns
        arrays["activations" if i == 1 else f"activations_{i}"] = NamedArray(
            table, {"neuron": names, token: columns}, "activation"
        )
    if labels.any():
        whole = _scaled(np.concatenate(tables, 1))[:, : tables[0].shape[1]]
        present = sorted(set(labels.tolist()))
        means = np.stack([whole[labels == label].mean(0) for label in present])
        arrays["cluster_means"] = NamedArray(means, {"cluster": tuple(present), "token": texts[0].columns}, "share")
        arrays["cluster"] = NamedArray(labels.astype(np.float32), {"neuron": names}, "number")
    return arrays


def _neuron(neuron: Neuron, cluster: int, values: np.ndarray, first: Text) -> dict:
    """What the reader is told of one neuron; its peak is the strongest token of the first text."""
    peak = first.columns[int(values[: len(first.columns)].argmax())]
    return {"layer": neuron[0], "index": neuron[1], "cluster": cluster or None, "peak": peak}
