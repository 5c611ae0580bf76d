"""Whole sentences of a context: what leaving each out does, and a sparse linear model over random sets of them.

Runs in a lane. Nothing is replaced: a sentence that is left out is not in the text the model reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from spaces_app.analyses.context_reliance.context_templates import fill_templates
from spaces_app.analyses.shared.ids import Ids
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.contrast import OtherRun
from spaces_app.errors import NotSupported
from spaces_app.tokens import Token, sentence_ids

PENALTY = 0.01  # of the linear model's weights, on standardised columns (Cohen-Wang et al. 2024)


@dataclass(frozen=True)
class Explained:
    """Arrays and notes about the sentences of a context."""

    arrays: dict[str, NamedArray] = field(default_factory=dict)
    notes: dict = field(default_factory=lambda: {"sentences": []})


def explained(spec, lm, ids: Ids, context: tuple, *, chunk_mb: int, tick: Callable) -> Explained:
    """What the spec asks of sentences. context: (all tokens, indices of those that are the context)."""
    tokens, inside = context
    spans = _spans([tokens[i] for i in inside])
    notes = {"sentences": [{"text": text, "tokens": [inside[i] for i in span]} for text, span in spans]}
    if spec.sentences == "off" or not spans:
        return Explained(notes=notes)
    texts = [text for text, _ in spans]
    asked = _Asked(spec, lm, ids[2], texts, chunk_mb, tick)
    everything = asked.log_probabilities(np.ones(len(texts), dtype=bool))  # (G,)
    alone = np.stack([asked.log_probabilities(np.arange(len(texts)) != i) for i in range(len(texts))])  # (S, G)
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

    spec: object
    lm: object
    generated: tuple[int, ...]
    texts: list[str]
    chunk_mb: int
    tick: Callable
    subsets: dict[tuple[bool, ...], np.ndarray] = field(default_factory=dict)

    def log_probabilities(self, kept: np.ndarray) -> np.ndarray:
        """ln p of each generated token when only the sentences in `kept` (S,) are there. (G,)"""
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
            self.subsets[key] = _log_probabilities(run)
        return self.subsets[key]

    def _told(self, _done: int, _total: int, _what: str) -> None:
        self.tick(len(self.subsets), 0, "Leaving out sentences")


def _log_probabilities(run: OtherRun) -> np.ndarray:
    size, found = max(1, 2**24 // run.budget.head_bytes), []
    for start in range(0, len(run.partners), size):
        steps = slice(start, min(len(run.partners), start + size))
        logits = run.logits(steps)
        picked = logits.log_softmax(-1).gather(-1, run.targets[steps, None].to(logits.device))
        found.append(picked[:, 0].double().cpu().numpy())
    return np.concatenate(found)


def _surrogate(asked: _Asked, n_subsets: int, seed: int) -> tuple[np.ndarray, np.ndarray, float | None]:
    """Weights (S, G) per token and (S,) for the answer, and how well the answer's are right on sets held out (R²)."""
    kept = _sets(len(asked.texts), n_subsets, seed)  # (n, S)
    table = np.stack([asked.log_probabilities(row) for row in kept])  # (n, G)
    answer = _log_odds(table.sum(1))
    columns = np.concatenate([_log_odds(table), answer[:, None]], 1)  # (n, G + 1)
    weights = np.stack([lasso(kept.astype(float), column) for column in columns.T], 1)  # (S, G + 1)
    n_fit = 3 * len(kept) // 4
    fit = None
    if n_fit >= 4 and np.var(answer[n_fit:]) > 1e-12:
        tried = lasso(kept[:n_fit].astype(float), answer[:n_fit])
        told = kept[n_fit:] @ tried
        told += (answer[:n_fit] - kept[:n_fit] @ tried).mean()
        fit = float(1 - np.mean((answer[n_fit:] - told) ** 2) / np.var(answer[n_fit:]))
    return _finite(weights[:, :-1]), _finite(weights[:, -1]), fit


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


def _log_odds(log_p: np.ndarray) -> np.ndarray:
    """ln p − ln(1 − p), for p as near to 1 as float64 tells apart."""
    return log_p - np.log(-np.expm1(np.minimum(log_p, -1e-12)))


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise NotSupported(
            "the scores are not finite: a written token has probability zero without a sentence.",
            hint="Turn the sentences off.",
            field="sentences",
        )
    return values
