"""Whole sentences of a context: what leaving each out does, and a sparse linear model over random sets of them.

Runs in a lane. Nothing is replaced: a sentence that is left out is not in the text the model reads.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spaces_app.analyses.context_reliance.context_templates import fill_templates
from spaces_app.analyses.context_reliance.spec import ContextRelianceSpec
from spaces_app.analyses.shared.ids import Ids
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.contrast import OtherRun
from spaces_app.errors import NotSupported
from spaces_app.tokens import Token, sentence_ids
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


PENALTY = 0.01  # of the linear model's weights, on standardised columns (Cohen-Wang et al. 2024)


@dataclass(frozen=True)
class Explained:
    """Arrays and notes about the sentences of a context."""

    arrays: dict[str, NamedArray] = field(default_factory=dict)
    notes: dict = field(default_factory=lambda: {"sentences": []})


def explained(
    spec: ContextRelianceSpec, lm: LoadedModel, ids: Ids, context: tuple, *, chunk_mb: int, tick: Tick
) -> Explained:
    """What the spec asks of sentences. context: (all tokens, indices of those that are the context)."""
    tokens, inside = context
    spans = _spans([tokens[i] for i in inside])
    notes: dict[str, Any] = {"sentences": [{"text": text, "tokens": [inside[i] for i in span]} for text, span in spans]}
    if spec.sentences == "off" or not spans:
        return Explained(notes=notes)
    texts = [text for text, _ in spans]
    asked = _Asked(spec, lm, ids[2], texts, chunk_mb, tick)
    everything = -_surprise(asked.log_odds(np.ones(len(texts), dtype=bool)))  # ln p, (G,)
    alone = np.stack([-_surprise(asked.log_odds(np.arange(len(texts)) != i)) for i in range(len(texts))])  # (S, G)
    axes = {"sentence": positions(len(texts)), "generated": positions(len(ids[2]))}
    fall = _finite(everything - alone)
    arrays = {
        "leave_one_out": NamedArray(fall, axes, "nats"),
        "answer_leave_one_out": NamedArray(fall.sum(1), {"sentence": axes["sentence"]}, "nats"),
        "without_sentence": NamedArray(np.exp(alone), axes, "probability"),
    }
    if spec.sentences == "surrogate":
        weights, answer, fit = _surrogate(asked, spec.n_subsets, spec.seed)
        arrays["surrogate"] = NamedArray(weights, axes, "log odds")
        arrays["answer_surrogate"] = NamedArray(answer, {"sentence": axes["sentence"]}, "log odds")
        notes |= {"surrogate_fit": fit, "surrogate_sets": len(asked.subsets)}
    return Explained(arrays, notes)


def _spans(tokens: list[Token]) -> list[tuple[str, list[int]]]:
    """(text, positions) of each sentence."""
    numbers = sentence_ids(tokens)
    spans = []
    for number in dict.fromkeys(numbers):
        span = [i for i, own in enumerate(numbers) if own == number]
        text = "".join(tokens[i].text for i in span if not tokens[i].special).strip()
        if text:
            spans.append((text, span))
    return spans


@dataclass
class _Asked:
    """Runs of the same answer after parts of the context."""

    spec: ContextRelianceSpec
    lm: LoadedModel
    generated: tuple[int, ...]
    texts: list[str]
    chunk_mb: int
    tick: Tick
    subsets: dict[tuple[bool, ...], np.ndarray] = field(default_factory=dict)

    def log_odds(self, kept: np.ndarray) -> np.ndarray:
        """ln p / (1 − p) of each generated token when only the sentences in `kept` (S,) are there. (G,)"""
        key = tuple(bool(value) for value in kept)
        if key not in self.subsets:
            context = " ".join(text for text, there in zip(self.texts, key, strict=True) if there)
            frame = fill_templates(self.spec, self.lm, context or "")
            run = OtherRun(
                self.lm,
                (frame.source, frame.prompt, self.generated),
                range(len(self.generated)),
                chunk_mb=self.chunk_mb,
                tick=self._told,
            )
            self.subsets[key] = _log_odds(run)
        return self.subsets[key]

    def _told(self, _done: int, _total: int, _what: str) -> None:
        self.tick(len(self.subsets), 0, "Leaving out sentences")


def _log_odds(run: OtherRun) -> np.ndarray:
    """z(y) − ln Σ e^z of the other words, from logits in float64: of a p near 1, float32 keeps no 1 − p. (G,)"""
    size, found = max(1, 2**23 // run.budget.head_bytes), []
    for start in range(0, len(run.partners), size):
        steps = slice(start, min(len(run.partners), start + size))
        logits = run.logits(steps)
        targets = run.targets[steps, None].to(logits.device)
        others = logits.double().scatter(-1, targets, -torch.inf)
        found.append((logits.gather(-1, targets)[:, 0].double() - others.logsumexp(-1)).cpu().numpy())
    return np.concatenate(found)


def _surprise(log_odds: np.ndarray) -> np.ndarray:
    """−ln p, with all the digits of a small one."""
    return np.logaddexp(0, -log_odds)


def _of_all(log_odds: np.ndarray) -> np.ndarray:
    """Log odds that all tokens of the last axis come out, from those of each. (..., G) → (...)"""
    total = _surprise(log_odds).sum(-1)  # −ln p of the answer
    with np.errstate(divide="ignore"):
        # 1 − p is the sum of the 1 − p of its tokens where these are so small that float64 has no p but 1 and 0.
        return np.where(total > 1e-300, -total - np.log(-np.expm1(-total)), -np.logaddexp.reduce(-log_odds, axis=-1))


def _surrogate(asked: _Asked, n_subsets: int, seed: int) -> tuple[np.ndarray, np.ndarray, float | None]:
    """Weights (S, G) per token and (S,) for the answer, and how well the answer's are right on sets held out (R²)."""
    kept = _sets(len(asked.texts), n_subsets, seed)  # (n, S)
    table = np.stack([asked.log_odds(row) for row in kept])  # (n, G)
    answer = _of_all(table)
    columns = _finite(np.concatenate([table, answer[:, None]], 1))  # (n, G + 1)
    weights = np.stack([lasso(kept.astype(float), column) for column in columns.T], 1)  # (S, G + 1)
    n_fit = 3 * len(kept) // 4
    fit = None
    if n_fit >= 4 and np.var(answer[n_fit:]) > 1e-12:
        tried = lasso(kept[:n_fit].astype(float), answer[:n_fit])
        told = kept[n_fit:] @ tried
        told += (answer[:n_fit] - kept[:n_fit] @ tried).mean()
        fit = float(1 - np.mean((answer[n_fit:] - told) ** 2) / np.var(answer[n_fit:]))
    return weights[:, :-1], weights[:, -1], fit


def _sets(n: int, count: int, seed: int) -> np.ndarray:
    """Sets of sentences, each there or not with equal chance; all there are when these are not more. (count, n)"""
    generator = np.random.default_rng(seed)
    if 2**n <= count:
        every = np.array(list(itertools.product((False, True), repeat=n)))
        return generator.permutation(every)
    return generator.random((count, n)) < 0.5


def lasso(features: np.ndarray, values: np.ndarray, penalty: float = PENALTY, rounds: int = 500) -> np.ndarray:
    """Weights w (S,) that make mean (values − features·w − b)² / 2 + penalty · Σ |w·deviation| least.

    features (n, S) are standardised for the penalty and the weights scaled back, by coordinate descent.
    """
    spread = features.std(0)
    used = spread > 0
    columns = (features[:, used] - features[:, used].mean(0)) / spread[used]
    rest = values - values.mean()
    weights = np.zeros(columns.shape[1])
    for _ in range(rounds):
        largest = 0.0
        for j in range(columns.shape[1]):
            pull = columns[:, j] @ rest / len(rest) + weights[j]
            new = np.sign(pull) * max(abs(pull) - penalty, 0.0)
            rest -= columns[:, j] * (new - weights[j])
            largest, weights[j] = max(largest, abs(new - weights[j])), new
        if largest < 1e-9:
            break
    found = np.zeros(features.shape[1])
    found[used] = weights / spread[used]
    return found


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise NotSupported(
            "the scores are not finite: a written token has probability zero or one without a sentence.",
            hint="Turn the sentences off.",
            field="sentences",
        )
    return values
