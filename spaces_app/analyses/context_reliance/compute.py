"""The answer to a ContextRelianceSpec: the same output forced after two inputs, with the context and without.

Runs in a lane.
"""

from __future__ import annotations

import dataclasses
import difflib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from spaces_app.analyses.context_reliance import sentence_surrogate
from spaces_app.analyses.context_reliance.context_templates import FilledTemplate, fill_templates, located
from spaces_app.analyses.context_reliance.dependence import Dependence, dependence
from spaces_app.analyses.context_reliance.spec import METRICS, ContextRelianceSpec, flagged, words
from spaces_app.analyses.shared.ids import Ids
from spaces_app.analyses.shared.notes import method_notes, model_notes
from spaces_app.analyses.shared.requests import attribution_request, unit
from spaces_app.analyses.shared.score_arrays import parts_arrays, scores_array, steps_array
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.contrast import Against, Compared, OtherRun
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.generate import check_length, generate
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import METHODS, AttributionScores, check_method
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.step_functions import ALWAYS, STEP_FUNCTIONS
from spaces_app.tokens import Token, word_ids
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.types import Score


# Below these a word is called independent however much its neighbours vary: a tenth of a nat is a change of the
# distribution nobody would see, and so is a tenth in probability.
FLOORS = {
    "kl_divergence": 0.1,
    "kl_divergence_reverse": 0.1,
    "pcxmi": 0.15,
    "in_context_pvi": 0.1,
    "contrast_prob_diff": 0.1,
    "contrast_logits_diff": 2.0,  # logits move together with no effect on any probability
    "contrast_logprob_diff": 0.1,
}
SIGMA = 1.0


def compute(spec: ContextRelianceSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """How much every word of the answer depends on the context by each measure, and on which words of it.

    Raises SpecError when no context is given or texts do not fit the model, NotSupported, TooLarge.
    """
    method = METHODS[spec.method]
    check_method(method, lm)
    if not (spec.context.strip() or spec.output_context.strip()):
        raise SpecError("no context is given.", hint="Type the text that the answer may rely on.", field="context")
    began = time.perf_counter()
    full, plain = fill_templates(spec, lm, spec.context), fill_templates(spec, lm, None)
    generated = _answer(spec, lm, full, tick)
    ids, plain_ids = (full.source, full.prompt, generated), (plain.source, plain.prompt, generated)
    if ids == plain_ids:
        raise SpecError(
            "the model reads the same with and without the context.", hint="Check the templates.", field="template"
        )
    _check_length(lm, plain_ids)
    written = time.perf_counter()
    chunk_mb = settings.chunk_mb
    here, there = (OtherRun(lm, own, range(len(generated)), chunk_mb=chunk_mb, tick=tick) for own in (ids, plain_ids))
    found = dependence(here, there, _instead(spec, lm, plain, generated))
    without = _free(spec, lm, plain, (generated, found.likeliest.tolist()), tick) if spec.free_output else None
    score = _score(spec, there, found)
    tokens = tuple(lm.tokens(*ids))
    asked = _asked(spec, tokens, found)
    run = ForcedPass(lm, ids, chunk_mb=chunk_mb, watch=[score], asked=asked, tick=tick)
    answer = _only(method.attribute(run, attribution_request(spec, method, tokens, score)), asked)
    places = _places(spec, full, tokens, len(generated))
    parts = sentence_surrogate.explained(
        spec, lm, ids, (tokens, places["context_tokens"]), chunk_mb=chunk_mb, tick=tick
    )
    seconds = {"generate": round(written - began, 3), "attribute": round(time.perf_counter() - written, 3)}
    warnings = [*lm.notes, *lm.warnings(full.text, spec.continuation, whole=not spec.chat), *answer.remarks]
    gap = answer.convergence_gap
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision, continuation_ids=generated),
        tokens=tokens,
        arrays=_arrays(spec, answer, found) | parts.arrays,
        notes=model_notes(spec, lm)
        | method_notes(spec, lm, method)
        | {"seconds": seconds, "convergence_gap": None if gap is None else list(gap), "warnings": warnings}
        | _findings(spec, lm, (generated, without), found)
        | places
        | parts.notes,
    )


def _answer(spec: ContextRelianceSpec, lm: LoadedModel, full: FilledTemplate, tick: Tick) -> tuple[int, ...]:
    """Ids of the answer: those of the link, the forced ones, or what the model writes with the context."""
    _check_length(lm, (full.source, full.prompt, ()))
    if spec.continuation_ids:
        generated = tuple(spec.continuation_ids)
        lm.check_ids(generated)
    elif spec.continuation:
        generated = full.continuation(lm, spec.continuation)
    else:
        generated = _written(spec, lm, full, spec.max_new_tokens, tick)
    _check_length(lm, (full.source, full.prompt, generated))
    return generated


def _written(
    spec: ContextRelianceSpec, lm: LoadedModel, frame: FilledTemplate, most: int, tick: Tick
) -> tuple[int, ...]:
    sampling = (spec.temperature, spec.top_p, spec.seed)
    return generate(lm, (frame.source, frame.prompt), max_new_tokens=most, sampling=sampling, tick=tick)


def _free(
    spec: ContextRelianceSpec, lm: LoadedModel, plain: FilledTemplate, known: tuple, tick: Tick
) -> tuple[int, ...]:
    """What the model writes by itself without the context; () when that is nothing.

    known: the answer, and the likeliest tokens where it was forced. Writing the likeliest begins with the answer
    itself as far as the two agree, so only the rest has to be written.
    """
    generated, likeliest = known
    most = len(generated) if spec.continuation else max(len(generated), spec.max_new_tokens)
    pairs = zip(generated, likeliest, strict=True)
    agreed = next((i for i, (ours, best) in enumerate(pairs) if ours != best), len(generated))
    begun = generated[:agreed] if spec.temperature == 0 else ()
    if len(begun) >= most or (begun and begun[-1] in lm.facts.eos_ids):
        return begun
    rest = dataclasses.replace(plain, prompt=(*plain.prompt, *begun))
    try:
        return (*begun, *_written(spec, lm, rest, most - len(begun), tick))
    except NotSupported:  # nothing but an end mark
        return (*begun, lm.facts.eos_ids[0]) if begun else ()


def _check_length(lm: LoadedModel, ids: Ids) -> None:
    try:
        check_length(lm, ids)
    except SpecError as error:
        hint = "Shorten the context."
        raise SpecError(error.message, hint=hint, field="context" if error.field == "prompt" else error.field) from None


def _instead(
    spec: ContextRelianceSpec, lm: LoadedModel, plain: FilledTemplate, generated: tuple[int, ...]
) -> dict[int, int]:
    """Output position → the first id of the word that is compared with there."""
    found = {}
    for place, word in words(spec.instead).items():
        if place >= len(generated):
            raise SpecError(
                f"there is no output token {place}; the output has {len(generated)}.",
                hint="Positions begin at 0.",
                field="instead",
            )
        text = "".join(token.text for token in lm.tokens((), plain.prompt[-1:], generated[:place])[1:])
        if lm.facts.encoder_decoder:
            begun = "".join(token.text for token in lm.tokens((), (), generated[:place]) if not token.special)
            shared, whole = lm.encode_beginning(begun) if begun else [], f"{begun} {word}".strip()
            ids = lm.encode_continuation("", whole)
            found[place] = (
                ids[len(shared)] if ids[: len(shared)] == list(shared) else lm.encode_continuation("", word)[0]
            )
        else:
            said = plain.said + (plain.lead if not text.startswith(" ") else "") + text if text else plain.said
            found[place] = lm.encode_continuation(said, (" " if plain.lead or place else "") + word)[0]
    return found


def _score(spec: ContextRelianceSpec, there: OtherRun, found: Dependence) -> Score:
    """What is explained: with the likeliest token without the context on the other side, where it is another."""
    step = STEP_FUNCTIONS[spec.step_function]
    if step.compares == "distribution":
        given = {name: getattr(spec, name) for name in step.keywords}
        return Compared(lambda *sides: step.fn(*sides, **given), there.targets, there)
    if not step.contrastive:
        return step.fn
    # Where both runs want the same token, its own chance without the context is what there is to compare with.
    return Against(step.fn, found.alternatives.to(there.targets.device), there)


def _asked(spec: ContextRelianceSpec, tokens: tuple[Token, ...], found: Dependence) -> tuple[bool, ...] | None:
    """Which tokens of the answer get cues: those that stand out alone, or in the sum over their word. None: all."""
    if spec.cues == "all":
        return None
    scores = found.metrics[spec.metric].numpy()
    words_of = np.array(word_ids(tokens)[-len(scores) :])
    words_of -= words_of[0]
    of_words = flagged(np.bincount(words_of, weights=scores), SIGMA, FLOORS[spec.metric])
    return tuple((flagged(scores, SIGMA, FLOORS[spec.metric]) | of_words[words_of]).tolist())


def _only(answer: AttributionScores, asked: tuple[bool, ...] | None) -> AttributionScores:
    """The answer without what was computed for other tokens by the way."""
    if asked is None:
        return answer
    rows = torch.tensor(asked, dtype=torch.bool, device="cpu")[:, None]
    parts = {name: (axes, torch.where(rows, values, torch.nan)) for name, (axes, values) in answer.parts.items()}
    gap = answer.convergence_gap
    return dataclasses.replace(
        answer,
        scores=torch.where(rows, answer.scores, torch.nan),
        parts=parts,
        convergence_gap=gap and tuple(value if some else None for value, some in zip(gap, asked, strict=True)),
    )


def _arrays(spec: ContextRelianceSpec, answer: AttributionScores, found: Dependence) -> dict[str, NamedArray]:
    name = unit(spec, METHODS[spec.method])
    table = torch.stack([found.metrics[metric] for metric in METRICS])  # (metrics, G)
    axes = {"metric": METRICS, "generated": positions(table.shape[1])}
    steps = {step: found.steps[step] for step in (*ALWAYS, "contrast_prob")}
    steps |= {"alternative_prob_with": found.likely[0], "alternative_prob_without": found.likely[1]}
    return {
        "cti": NamedArray(table.float().numpy(), axes, ""),
        "attributions": scores_array(answer.scores, name),
        "step_scores": steps_array(steps),
    } | parts_arrays(answer, name)


def _places(spec: ContextRelianceSpec, full: FilledTemplate, tokens: tuple[Token, ...], n_generated: int) -> dict:
    """Which tokens are the context, the context of the output, and the current text."""
    inputs = tokens[: len(tokens) - n_generated]
    n_source = len(full.source)
    read = inputs[:n_source] if n_source else inputs

    def where(name: str, among: Sequence[Token], text: str, shift: int = 0) -> list[int]:
        return [i + shift for i in located(among, text, full.spans[name])] if name in full.spans else []

    output = where("output_context", inputs[n_source:], full.before, n_source) if n_source else []
    return {
        "context_tokens": where("context", read, full.text),
        "output_context_tokens": output or (where("output_context", read, full.text) if not n_source else []),
        "current_tokens": where("current", read, full.text),
    }


def _findings(spec: ContextRelianceSpec, lm: LoadedModel, outputs: tuple, found: Dependence) -> dict:
    """The other output (None: not asked for), the tokens that stand against ours, and what the numbers are called."""
    generated, without = outputs
    beyond = lm.tokens((), (), without or ())
    matcher = difflib.SequenceMatcher(None, list(generated), list(without or ()), autojunk=False)
    alternatives = found.alternatives.tolist()
    told = [_plain(lm.tokens((), (generated[0],), (token_id,))[-1]) for token_id in alternatives]
    ours, theirs = found.steps["log_probability"], found.metrics["contrast_logprob_diff"]
    facts = {name: {"label": STEP_FUNCTIONS[name].label, "unit": STEP_FUNCTIONS[name].unit} for name in METRICS}
    return {
        "without": {
            "tokens": [_plain(token) for token in beyond],
            "text": "".join(token.text for token in beyond if not token.special),
        },
        "without_changed": without is not None and generated != without[: len(generated)],
        "without_diff": [] if without is None else [list(code) for code in matcher.get_opcodes()],
        "alternatives": told,
        "agrees": [ours == theirs for ours, theirs in zip(generated, alternatives, strict=True)],
        "metric": spec.metric,
        "metrics": facts,
        "answer_probability": {"with": float(ours.sum()), "without": float((ours - theirs).sum())},
        "thresholds": {"sigma": SIGMA, "floor": FLOORS},
    }


def _plain(token: Token) -> dict:
    return {key: value for key, value in dataclasses.asdict(token).items() if key != "segment"}
