"""Telling how far the work is, also from inside a pass that takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from spaces_app.types import Tick

BEAT_SECONDS = 0.25


class Progress:
    """A tick that can be repeated: `beat` tells the last state again when it was told a while ago.

    The listener may raise to stop the work; so a beat is a chance to stop, too.
    """

    def __init__(self, tick: Tick):
        self._tick, self._state, self._told = tick, (0, 0, "Starting"), time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        self._state, self._told = (done, total, what), time.monotonic()
        self._tick(done, total, what)

    def beat(self) -> None:
        if time.monotonic() - self._told >= BEAT_SECONDS:
            self(*self._state)


@contextmanager
def beating(blocks: Sequence[nn.Module], progress: Progress) -> Iterator[None]:
    """Within, every block of the model that is passed beats; with a graph, once more on the way back.

    One pass of a large model on a CPU takes longer than a visitor who left should be computed for.
    """

    def passed(_module: nn.Module, _inputs: tuple, output: object) -> None:
        progress.beat()
        hidden = output[0] if isinstance(output, tuple) else output
        if isinstance(hidden, Tensor) and hidden.requires_grad:
            hidden.register_hook(returned)

    def returned(_gradient: Tensor) -> None:
        progress.beat()

    handles = [block.register_forward_hook(passed) for block in blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
