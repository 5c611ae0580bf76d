"""How much to compute at a time: sizes from a byte budget and the model's size, halved when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch

from spaces_app.errors import TooLarge
from spaces_app.models.loaded import LoadedModel

T = TypeVar("T")
CPU_FLOPS, GPU_FLOPS = 8e10, 2e13  # what one core and one GPU reach in matrix products, roughly
CALL_SECONDS = 4e-4  # what the calls of one block cost by themselves
FULL_ROWS = 1300  # more rows in one product bring nothing (measured on a CPU: 640 are 4 % slower, 320 are 25 %)
ROW_WIDTHS, GRAPH_WIDTHS = 20, 30


@dataclass(frozen=True)
class Budget:
    """What one chunk may take.

    bytes: working memory. rows: token rows that go through the body together. calls: token rows whose
    arithmetic takes as long as the calls of one pass. Working memory estimated: row_bytes of one token row on
    its way through the body, graph_bytes of one that leaves a graph behind, head_bytes of one target in the head.
    """

    bytes: int
    rows: int
    calls: int
    row_bytes: int
    graph_bytes: int
    head_bytes: int

    @classmethod
    def of(cls, lm: LoadedModel, length: int, chunk_mb: int) -> Budget:
        """The budget for sequences of `length` tokens on this model."""
        facts, size = lm.facts, max(4, lm.dtype.itemsize)
        # At 14 M and 124 M up to 25 % above what was measured (227 MB along a path, 853 MB for a graph of 511 tokens).
        weights = size * facts.n_heads * length  # the attention weights of one token
        row_bytes = ROW_WIDTHS * size * facts.d_model + 3 * weights
        graph_bytes = facts.n_layers * (GRAPH_WIDTHS * size * facts.d_model + 3 * weights)
        n_body = max(1, facts.n_params - facts.d_vocab * facts.d_model, facts.n_params // 8)
        flops = CPU_FLOPS if lm.device.type == "cpu" else GPU_FLOPS
        calls = int(CALL_SECONDS * facts.n_layers * flops / (2 * n_body))
        rows = min(max(FULL_ROWS, 4 * calls), (chunk_mb * 2**20) // row_bytes)
        return cls(chunk_mb * 2**20, max(1, rows), calls, row_bytes, graph_bytes, 4 * size * facts.d_vocab)

    def items(self, body_rows: int, head_rows: int = 0, graph_rows: int = 0) -> int:
        """How many items fit in a chunk when each takes that many rows; at least 1."""
        each = body_rows * self.row_bytes + head_rows * self.head_bytes + graph_rows * self.graph_bytes
        return max(1, min(self.rows // max(1, body_rows), self.bytes // max(1, each)))


def in_chunks(
    total: int, size: int, work: Callable[[int, int], T], *, outermost: bool = True
) -> Iterator[tuple[int, int, T]]:
    """(start, stop, work(start, stop)) over 0 … total-1 in runs of at most `size`.

    Out of memory halves `size` and goes on. At one item the outermost loop raises TooLarge; an inner one lets the
    error through, so that the loop around it halves in turn.
    """
    start = 0
    while start < total:
        stop = min(total, start + size)
        result: T | None
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
