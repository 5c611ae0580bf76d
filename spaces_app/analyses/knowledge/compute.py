"""The answer to a KnowledgeSpec: feed-forward outputs by layer and token, and what exchanging them does. In a lane."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spaces_app.analyses.knowledge.spec import KnowledgeSpec, token_counts
from spaces_app.analyses.shared.agreement import spearman
from spaces_app.analyses.shared.ids import Ids
from spaces_app.analyses.shared.notes import model_notes
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.generate import check_length
from spaces_app.engine.states.mlp_outputs import MlpOutputs
from spaces_app.errors import NotSupported, SpecError
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.types import Score


@dataclass(frozen=True)
class Pair:
    """The ids that are compared, and scores of them: the difference that is explained, and each one's probability."""

    true: int
    false: int
    score: Score
    probabilities: tuple[Callable, Callable]


def compute(spec: KnowledgeSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """Attribution of true against false to every layer's feed-forward output at every token, and its check.

    Raises SpecError for words and texts that do not fit, NotSupported for models whose feed-forward parts cannot be
    found.
    """
    began = time.perf_counter()
    token_counts(spec, lm)  # for its sentences about the words
    ids = _ids(spec.prompt, lm, _first(spec, lm, "true"))
    tokens = tuple(lm.tokens(*ids))
    subject = _subject(spec, tokens)
    run = ForcedPass(lm, ids, chunk_mb=settings.chunk_mb, tick=tick)
    layers = MlpOutputs(run)
    pair = _pair(spec, run)
    run.watch((pair.score, *pair.probabilities))
    outputs, gradients = layers.gradients(pair.score)
    maps = {name: values.cpu().numpy() for name, values in _maps(outputs, gradients).items()}
    mapped = time.perf_counter()
    embeds = _corrupted(spec, run, subject) if spec.checked == "restore" else None
    patching, before = _patching(spec, layers, pair.score, outputs, embeds)
    if patching is not None:
        maps["patching"] = patching.numpy()
    seconds = {"attribute": round(mapped - began, 3), "check": round(time.perf_counter() - mapped, 3)}
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision),
        tokens=tokens,
        arrays=_arrays(maps, STEP_FUNCTIONS[spec.target].unit),
        notes=model_notes(spec, lm)
        | _words(run, ids, pair)
        | {
            "seconds": seconds,
            "warnings": [*lm.notes, *lm.warnings(spec.prompt), *_remarks(spec, run, pair)],
            "target": STEP_FUNCTIONS[spec.target].label,
            "layer_labels": [f"layer {i}" for i in range(layers.count)],
            "subject_tokens": list(subject),
            "check": spec.checked,
            "score": float(run.scores(pair.score)[0]),
            "corrupted_score": None if embeds is None else before,
            "agreement": None if patching is None else _agreement(maps),
        },
    )


def _first(spec: KnowledgeSpec, lm: LoadedModel, field: str) -> int:
    """The first token of a word as it stands behind the prompt. Raises SpecError that names the word's field."""
    return _word(spec, lm, field)[0]


def _word(spec: KnowledgeSpec, lm: LoadedModel, field: str) -> list[int]:
    try:
        return lm.encode_continuation(spec.prompt, getattr(spec, field))
    except SpecError as error:
        raise SpecError(
            error.message, hint=error.hint, field=error.field if error.field == "prompt" else field
        ) from None


def _ids(prompt: str, lm: LoadedModel, true: int) -> Ids:
    encoded = tuple(lm.encode_prompt(prompt))
    source, own = (encoded, tuple(lm.decoder_start)) if lm.facts.encoder_decoder else ((), encoded)
    check_length(lm, (source, own, (true,)))
    if len(source) + len(own) < 2:
        raise SpecError("one token has no places to compare.", hint="Write a longer text.", field="prompt")
    return source, own, (true,)


def _pair(spec: KnowledgeSpec, run: ForcedPass) -> Pair:
    """The two ids and what is asked of them. Only where the other word is not given, the model is run for it."""
    true = int(run.sequence.targets[0])
    false = _first(spec, run.lm, "false") if spec.false.strip() else _likeliest_other(run, true)
    if false == true:
        text = run.lm.tokens((), run.sequence.decoder[0].tolist(), (true,))[-1].text.strip()
        raise SpecError(f"both words begin with the same token {text!r:.40}.", hint="Name another word.", field="false")
    compare, probability = STEP_FUNCTIONS[spec.target].fn, STEP_FUNCTIONS["probability"].fn

    def score(logits: Tensor, targets: Tensor) -> Tensor:
        return compare(logits, targets, logits, torch.full_like(targets, false))

    def probability_of_other(logits: Tensor, targets: Tensor) -> Tensor:
        return probability(logits, torch.full_like(targets, false))

    return Pair(true, false, score, (probability, probability_of_other))


def _likeliest_other(run: ForcedPass, true: int) -> int:
    with torch.no_grad():
        logits = run.body.decode(slice(0, 1), states=run.body.encode(), clean=True).logits[0, 0]
    return next(i for i in logits.topk(2).indices.tolist() if i != true)


def _maps(outputs: Tensor, gradients: Tensor) -> dict[str, Tensor]:
    """Sum, norm, and norm by layer of m ⊙ ∂score/∂m, each (L, n_inputs)."""
    shares = outputs * gradients
    strength = shares.norm(dim=-1)
    total = strength.nansum(-1, keepdim=True)
    share = strength / total.where(total > 0, torch.ones_like(total))
    found = {"attribution": shares.sum(-1), "strength": strength, "share": share}
    if any(bool(values.isinf().any()) for values in found.values()) or not bool(total.isfinite().all()):
        raise NotSupported("the gradients of this model are not finite here.", hint="Load it in float32.")
    return found


def _subject(spec: KnowledgeSpec, tokens: tuple[Token, ...]) -> tuple[int, ...]:
    """The tokens of the prompt that the subject touches, where it first occurs."""
    wanted, text, spans = spec.subject.strip(), "", []
    if not wanted:
        return ()
    asked = [i for i, token in enumerate(tokens) if token.segment != "generated" and not token.special]
    for i in asked:
        spans.append((i, len(text), len(text) + len(tokens[i].text)))
        text += tokens[i].text
    start = text.find(wanted)
    if start < 0 or wanted not in spec.prompt:
        raise SpecError(f"{wanted!r:.60} does not occur in the text.", field="subject")
    return tuple(i for i, low, high in spans if low < start + len(wanted) and start < high)


def _corrupted(spec: KnowledgeSpec, run: ForcedPass, subject: tuple[int, ...]) -> Tensor:
    """What the model reads when the text is about something else: (n_inputs, D) embeddings."""
    other = spec.other_subject.strip()
    if not other:
        embeds = run.embeds.clone()
        embeds[list(subject)] = run.baseline("auto")[list(subject)]
        return embeds
    text = spec.prompt.replace(spec.subject.strip(), other, 1)
    ids = _ids(text, run.lm, int(run.sequence.targets[0]))
    changed = ForcedPass(run.lm, ids)
    if changed.n_inputs != run.n_inputs:
        raise SpecError(
            f"with {other!r:.60} the text has {changed.n_inputs} tokens instead of {run.n_inputs}.",
            hint="Name one with as many tokens, or leave it empty.",
            field="other_subject",
        )
    return changed.embeds


def _patching(
    spec: KnowledgeSpec, layers: MlpOutputs, score: Score, outputs: Tensor, embeds: Tensor | None
) -> tuple[Tensor | None, float | None]:
    """What each output does, (L, n_inputs), and the score without any exchange.

    remove: how much of the score is lost when it is set to zero. restore: how much comes back when a text about
    something else is given this one output of the true text (activation patching, https://arxiv.org/abs/2202.05262).
    """
    if spec.checked == "none":
        return None, None
    before = layers.score(score, embeds)
    if spec.checked == "remove":
        return before - layers.exchanged(score, torch.zeros_like(outputs)), before
    return layers.exchanged(score, outputs, embeds) - before, before


def _arrays(maps: dict[str, np.ndarray], unit: str) -> dict[str, NamedArray]:
    units = {"attribution": unit, "strength": unit, "share": "share", "patching": unit}
    return {
        name: NamedArray(values, dict(zip(("layer", "token"), map(positions, values.shape), strict=True)), units[name])
        for name, values in maps.items()
    }


def _words(run: ForcedPass, ids: Ids, pair: Pair) -> dict:
    def named(token: int, score: Score) -> dict:
        return {"id": token, "text": run.lm.tokens((), ids[1], (token,))[-1].text, "p": float(run.scores(score)[0])}

    return {"true": named(pair.true, pair.probabilities[0]), "false": named(pair.false, pair.probabilities[1])}


def _remarks(spec: KnowledgeSpec, run: ForcedPass, pair: Pair) -> list[str]:
    """What the reader should know of the words: that only a part of one is compared, or that the model is wrong."""
    found, ends = [], run.lm.facts.eos_ids
    for field in ("true", "false"):
        word = getattr(spec, field).strip()
        if word and len([i for i in _word(spec, run.lm, field) if i not in ends]) > 1:
            found.append(f"{word!r:.40} has several tokens; only the first is compared.")
    true, false = (float(run.scores(score)[0]) for score in pair.probabilities)
    if true < false:
        found.append("The model itself finds the false word likelier.")
    return found


def _agreement(maps: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Rank correlation of the check with the map, and of its sizes with the strengths.

    Over the cells that can matter: not those where map and check are both exactly zero.
    """
    effect, map_ = maps["patching"], maps["attribution"]
    some = ~(np.isnan(map_) | np.isnan(effect)) & ((map_ != 0) | (effect != 0))
    found = {
        "attribution": spearman(map_[some], effect[some]),
        "strength": spearman(maps["strength"][some], np.abs(effect[some])),
    }
    return {name: None if np.isnan(value) else value for name, value in found.items()}
