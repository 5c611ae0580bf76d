"""How fast a model runs here: measured once per model, for predicting what a question costs."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import torch

from spaces_app.engine.forced import ForcedPass
from spaces_app.errors import NotSupported

PROBE_OPERATIONS = 1e9  # enough for small models to show their speed in large batches, as methods run them
PROBE_LENGTH, MOST_ROWS = 16, 64  # tokens per row; rows
PROBE_TOKENS = (12, 8)  # tokens read and written in the small questions
LONGEST = 0.3  # seconds; where a small question takes longer, arithmetic says enough
_measured: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # model → Measured


@dataclass(frozen=True)
class Measured:
    """call: seconds of a pass over four tokens. operations: floating-point operations per second of a large batch.

    gradients, variants: (tokens read by an encoder, given, written, seconds) of two small questions asked of the
    engine: the gradient of every target, and every target without each of the inputs. None where that takes long.
    """

    call: float
    operations: float
    gradients: tuple[int, int, int, float] | None
    variants: tuple[int, int, int, float] | None


def measured(lm, *, clock: Callable[[], float] = time.perf_counter) -> Measured:
    """The speed of a model, remembered as long as it is loaded. Half a second for a small one."""
    if lm.model not in _measured:
        _measured[lm.model] = _measure(lm, clock)
    return _measured[lm.model]


def _measure(lm, clock: Callable[[], float]) -> Measured:
    _pass(lm, 1, 4, clock)  # the first pass also sets things up
    call = min(_pass(lm, 1, 4, clock) for _ in range(4))
    length = min(PROBE_LENGTH, lm.facts.max_positions or PROBE_LENGTH)
    each = 2.0 * lm.facts.n_params * length
    rows = max(1, min(MOST_ROWS, int(PROBE_OPERATIONS / each)))
    operations = each * rows / min(_pass(lm, rows, length, clock) for _ in range(3))
    small = PROBE_TOKENS[1] * 2.0 * lm.facts.n_params * sum(PROBE_TOKENS) / operations < LONGEST / 4
    asked = (_gradients if small and lm.placement != "offload" else None, _variants if small else None)
    return Measured(call, operations, *(_question(lm, ask, clock) if ask else None for ask in asked))


def _pass(lm, rows: int, length: int, clock: Callable[[], float]) -> float:
    ids = torch.zeros((rows, length), dtype=torch.long, device=lm.device)
    options = {"decoder_input_ids": ids} if lm.facts.encoder_decoder else {}
    started = clock()
    with torch.no_grad():
        lm.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **options)
        if lm.device.type == "cuda":
            torch.cuda.synchronize(lm.device)
    return max(clock() - started, 1e-6)


def _question(lm, ask: Callable, clock: Callable[[], float]) -> tuple[int, int, int, float] | None:
    read, written = PROBE_TOKENS
    ids = [1 + i % max(1, lm.facts.d_vocab - 1) for i in range(read)]
    start = tuple(lm.decoder_start)
    sequence = (tuple(ids), start, tuple(ids[:written])) if start else ((), tuple(ids), tuple(ids[:written]))
    best = float("inf")
    try:
        for _ in range(3):
            started = clock()
            run = ForcedPass(lm, sequence)
            ask(run)
            run.scores(_score)
            best = min(best, clock() - started)
    except NotSupported:
        return None  # the question itself will say why
    return len(sequence[0]), len(sequence[1]), written, max(best, 1e-6)


def _score(logits, targets):
    return logits.softmax(-1).gather(-1, targets.expand(logits.shape[:-1])[..., None])[..., 0]


def _gradients(run: ForcedPass) -> None:
    run.collect((steps, gradient.abs().sum(-1)) for steps, gradient in run.gradients(_score))


def _variants(run: ForcedPass) -> None:
    kept = ~torch.eye(run.n_inputs, dtype=torch.bool, device=run.embeds.device)
    run.replaced(_score, kept, torch.zeros_like(run.embeds))
