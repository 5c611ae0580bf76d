"""How often a method's top-ranked word is one that decides. Runs methods on questions; keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.shared.checks import signed
from spaces_app.analyses.shared.requests import attribution_request
from spaces_app.analyses.shared.targets import Targets
from spaces_app.engine.forced import ForcedPass
from spaces_app.methods import METHODS
from spaces_app.truth.questions import Question

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


# What is explained. Without a foil, the question "why this token?" has many right answers: its grammar, its place.
TARGETS = {"contrast": "contrast_logits_diff", "plain": "probability"}


def targets_of(method: str) -> list[str]:
    """Which of TARGETS a method can be asked for; methods that explain no target get one column."""
    return list(TARGETS) if "step_function" in METHODS[method].options else ["plain"]


def hits(lm: LoadedModel, questions: list[Question], method: str, target: str) -> Iterator[bool]:
    """For each question, whether the top-ranked word decides."""
    for question in questions:
        yield (
            top_word(question.words, scores(lm, question, method, target), signed(_spec(method, target)))
            in question.decisive
        )


def scores(lm: LoadedModel, question: Question, method: str, target: str) -> np.ndarray:
    """The method's scores of every input, with its default options. (n_inputs,)"""
    spec = _spec(method, target, question.foil)
    about = Targets.of(spec, lm, question.ids, chunk_mb=64, tick=_silent)
    run = ForcedPass(lm, question.ids, chunk_mb=64, tick=_silent)
    tokens = lm.tokens(*question.ids)
    answer = METHODS[method].attribute(
        run, attribution_request(spec, METHODS[method], tokens, about.score(spec.step_function))
    )
    return np.array(answer.scores[0].tolist())


def top_word(words: tuple[int, ...], scores: np.ndarray, with_sign: bool) -> int:
    """The number of the word with the highest score: its tokens' scores summed, or their sizes for unsigned methods.

    A signed method must find what speaks for the target. Marks are no candidates; of equal words the first wins.
    """
    values = np.nan_to_num(scores if with_sign else np.abs(scores))
    totals: dict[int, float] = {}
    for word, value in zip(words, values, strict=True):
        if word >= 0:
            totals[word] = totals.get(word, 0.0) + float(value)
    return max(totals, key=totals.__getitem__)


def _spec(method: str, target: str, foil: int | None = None) -> AttributionSpec:
    name = TARGETS[target]
    ids = (foil,) if foil is not None else ()
    return AttributionSpec(
        prompt="x", method=method, step_function=name, contrast_ids=ids if target == "contrast" else ()
    )


def _silent(_done: int, _total: int, _what: str) -> None:
    """Nobody waits for a single question."""
