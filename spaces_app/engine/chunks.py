"""How much to compute at a time: sizes from a byte budget and the model's size, halved when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from spaces_app.errors import TooLarge

CPU_FLOPS = 8e10  # what one core reaches in float32 matrix products; sets how much work fits between two ticks
TICK_SECONDS = 0.4
FULL_ROWS = 1300  # more rows in one product bring nothing (measured on a CPU: 640 are 4 % slower, 320 are 25 %)
FEWEST_ROWS = 32  # fewer read all weights for too little work


@dataclass(frozen=True)
class Budget:
    """What one chunk may take.

    bytes: working memory. rows: token rows per pass through the body, so that ticks come in time. row_bytes and
    head_bytes: estimated working memory of one token row in the body, and of one target row in the head.
    """

    bytes: int
    rows: int
    row_bytes: int
    head_bytes: int

    @classmethod
    def of(cls, lm, length: int, chunk_mb: int) -> Budget:
        """The budget for sequences of `length` tokens on this model."""
        facts, size = lm.facts, max(4, lm.dtype.itemsize)
        # The widest moment of a block: residual, norms, q, k, v and their gradients, the four-fold wider feed-forward
        # part, and the attention weights of every head. Within 25 % of the peaks measured at 14 M and 124 M.
        row_bytes = size * (20 * facts.d_model + 3 * facts.n_heads * length)
        chunk = chunk_mb * 2**20
        rows = min(cls._timely_rows(lm), chunk // row_bytes)
        return cls(chunk, max(1, rows), row_bytes, 4 * size * facts.d_vocab)

    @staticmethod
    def _timely_rows(lm) -> int:
        if lm.device.type != "cpu":
            return 64 * FULL_ROWS  # the byte budget decides
        n_body = max(lm.facts.n_params - lm.facts.d_vocab * lm.facts.d_model, lm.facts.n_params // 8)
        timely = int(TICK_SECONDS * CPU_FLOPS / (2 * max(1, n_body)))
        return min(FULL_ROWS, max(FEWEST_ROWS, timely))

    def items(self, body_rows: int, head_rows: int = 0) -> int:
        """How many items fit in a chunk when each takes that many rows; at least 1."""
        by_body = self.rows // max(1, body_rows)
        by_head = self.bytes // max(1, head_rows * self.head_bytes) if head_rows else by_body
        return max(1, min(by_body, by_head))


def in_chunks(total: int, size: int, work: Callable, *, outermost: bool = True) -> Iterator[tuple[int, int, object]]:
    """(start, stop, work(start, stop)) over 0 … total-1 in runs of at most `size`.

    Out of memory halves `size` and goes on. At one item the outermost loop raises TooLarge; an inner one lets the
    error through, so that the loop around it halves in turn.
    """
    start = 0
    while start < total:
        stop = min(total, start + size)
        try:
            result = work(start, stop)
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error) or (stop - start == 1 and not outermost):
                raise
            result = None
        else:
            yield start, stop, result
            start = stop
            continue
        # Outside the handler: the exception's traceback would keep the failed chunk's tensors alive.
        if stop - start == 1:
            raise TooLarge("not enough memory for one token of this model.", hint="Shorten the text.")
        size = max(1, (stop - start) // 2)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def even(total: int, pieces: int) -> int:
    """The size of each of `pieces` nearly equal runs of `total` items."""
    return max(1, -(-total // max(1, pieces)))


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return "out of memory" in text or "can't allocate memory" in text
