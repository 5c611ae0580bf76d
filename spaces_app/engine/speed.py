"""How fast a model runs here: measured once per model, for predicting what a question costs."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import torch

PROBE_OPERATIONS = 1e9  # enough for small models to show their speed in large batches, as methods run them
PROBE_LENGTH, MOST_ROWS = 16, 64  # tokens per row; rows
_measured: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # model → Measured


@dataclass(frozen=True)
class Measured:
    """call: seconds of a pass over four tokens. operations: floating-point operations per second of a large batch."""

    call: float
    operations: float


def measured(lm, *, clock: Callable[[], float] = time.perf_counter) -> Measured:
    """The speed of a model, remembered as long as it is loaded. A quarter of a second for a small one."""
    if lm.model not in _measured:
        _measured[lm.model] = measure(lm, clock)
    return _measured[lm.model]


def measure(lm, clock: Callable[[], float]) -> Measured:
    """The speed of a model at this moment."""
    _pass(lm, 1, 4, clock)  # the first pass also sets things up
    call = min(_pass(lm, 1, 4, clock) for _ in range(4))
    length = min(PROBE_LENGTH, lm.facts.max_positions or PROBE_LENGTH)
    each = 2.0 * lm.facts.n_params * length
    rows = max(1, min(MOST_ROWS, int(PROBE_OPERATIONS / each)))
    operations = each * rows / min(_pass(lm, rows, length, clock) for _ in range(3))
    return Measured(call, operations)


def _pass(lm, rows: int, length: int, clock: Callable[[], float]) -> float:
    ids = torch.zeros((rows, length), dtype=torch.long, device=lm.device)
    options = {"decoder_input_ids": ids} if lm.facts.encoder_decoder else {}
    started = clock()
    with torch.no_grad():
        lm.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **options)
        if lm.device.type == "cuda":
            torch.cuda.synchronize(lm.device)
    return max(clock() - started, 1e-6)
