"""How fast a model runs here: measured once per model, for predicting what a question costs."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


PROBE_OPERATIONS = 8e9  # of a batch large enough to be told from the pass over a few tokens
ENOUGH = 128  # tokens, at which a large model no longer spends most of the time on reading its weights
MOST_OPERATIONS = 3.2e10  # that ENOUGH tokens may take
PROBE_LENGTH, MOST_ROWS, FEW = 16, 64, 4  # tokens per row; rows; tokens of a short pass
Counts = tuple[int, int]  # how many passes at least and at most
# Questions take what passes usually take. On a machine that others share the fastest of a few says little of that.
CALLS, BATCHES, LONG_ENOUGH = (4, 16), (3, 6), 0.1  # seconds after which the least will do
ROUNDS, ROUNDS_ENOUGH = 3, 0.5  # of both passes, as the pace may change within a second; seconds after which to stop
GLANCE = 0.1  # seconds that looking again may take
_measured: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # model → Measured


@dataclass(frozen=True)
class Measured:
    """call: seconds of a pass over four tokens. operations: floating-point operations per second beyond that."""

    call: float
    operations: float


def measured(lm: LoadedModel, *, clock: Callable[[], float] = time.perf_counter) -> Measured:
    """The speed of a model, remembered as long as it is loaded. Measuring takes half a second to two."""
    if lm.model not in _measured:
        _measured[lm.model] = at_load(lm, clock)
    return _measured[lm.model]


def at_load(lm: LoadedModel, clock: Callable[[], float]) -> Measured:
    """The usual speed of a model: the geometric mean of several measurements, or of one that takes long enough."""
    found: list[Measured] = []
    spent = 0.0
    while len(found) < ROUNDS and spent < ROUNDS_ENOUGH:
        started = clock()
        found.append(measure(lm, clock))
        spent += clock() - started
    calls, operations = zip(*((once.call, once.operations) for once in found), strict=True)
    return Measured(statistics.geometric_mean(calls), statistics.geometric_mean(operations))


def glance(lm: LoadedModel, call: float) -> float:
    """Seconds of a pass over four tokens at this moment; `call`, what it took before, where looking takes too long."""
    count = min(CALLS[0], int(GLANCE / call) - 1)  # and one to warm up
    return _usual(lm, 1, FEW, time.perf_counter, (count, count)) if count > 0 else call


def measure(
    lm: LoadedModel, clock: Callable[[], float], *, calls: Counts = CALLS, batches: Counts = BATCHES
) -> Measured:
    """The speed of a model at this moment."""
    call = _usual(lm, 1, FEW, clock, calls)
    length = min(PROBE_LENGTH, lm.facts.max_positions or PROBE_LENGTH)
    each = 2.0 * lm.facts.n_params  # operations of a token
    rows = _rows(each * length, length)
    batch = _usual(lm, rows, length, clock, batches)
    # What a large model takes for a few tokens is mostly reading its weights, which a batch does only once too.
    return Measured(call, each * (rows * length - FEW) / max(batch - call, batch / 4))


def _rows(operations: float, length: int) -> int:
    """How many rows of `length` tokens, each of so many operations, a batch has."""
    enough = min(ENOUGH / length, MOST_OPERATIONS / operations)
    return max(1, min(MOST_ROWS, int(max(PROBE_OPERATIONS / operations, enough))))


def _usual(lm: LoadedModel, rows: int, length: int, clock: Callable[[], float], counts: Counts) -> float:
    """The median seconds of a pass."""
    _pass(lm, rows, length, clock)  # the first one also sets things up
    found: list[float] = []
    while len(found) < counts[0] or (len(found) < counts[1] and sum(found) < LONG_ENOUGH):
        found.append(_pass(lm, rows, length, clock))
    return statistics.median(found)


def _pass(lm: LoadedModel, rows: int, length: int, clock: Callable[[], float]) -> float:
    ids = torch.zeros((rows, length), dtype=torch.long, device=lm.device)
    options = {"decoder_input_ids": ids} if lm.facts.encoder_decoder else {}
    started = clock()
    with torch.no_grad():
        lm.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **options)
        if lm.device.type == "cuda":
            torch.cuda.synchronize(lm.device)
    return max(clock() - started, 1e-6)
