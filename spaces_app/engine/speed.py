"""How fast a model runs here: measured once per model, for predicting what a question costs."""

from __future__ import annotations

import time
import weakref

import torch

PROBE_OPERATIONS = 2e9  # enough for small models to show their speed in large batches, as methods run them
PROBE_LENGTH, MOST_ROWS = 16, 32  # tokens per row; rows
_measured: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # model → operations per second


def operations_per_second(lm) -> float:
    """Floating-point operations per second of a forward pass over a batch, the best of three.

    2 operations per weight and token. The batch is as large as PROBE_OPERATIONS allow: one short row of a small
    model takes its time for overhead, and predicted 20 times the seconds that methods then took.
    """
    if lm.model not in _measured:
        length = min(PROBE_LENGTH, lm.facts.max_positions or PROBE_LENGTH)
        rows = int(PROBE_OPERATIONS / (2.0 * lm.facts.n_params * length))
        rows = max(1, min(MOST_ROWS, rows))
        seconds = min(_seconds(lm, rows, length) for _ in range(3))
        _measured[lm.model] = 2.0 * lm.facts.n_params * rows * length / seconds
    return _measured[lm.model]


def _seconds(lm, rows: int, length: int) -> float:
    ids = torch.zeros((rows, length), dtype=torch.long, device=lm.device)
    options = {"decoder_input_ids": ids} if lm.facts.encoder_decoder else {}
    started = time.perf_counter()
    with torch.no_grad():
        lm.model(input_ids=ids, use_cache=False, **options)
        if lm.device.type == "cuda":
            torch.cuda.synchronize(lm.device)
    return max(time.perf_counter() - started, 1e-6)
