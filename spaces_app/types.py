"""Types that several rooms share, and what a room asks of a thing that a room above it makes. Starts no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Tick: TypeAlias = Callable[[int, int, str], None]  # done, of how much, what is done; may raise to stop the work
ForcedIds: TypeAlias = tuple[
    Sequence[int], Sequence[int], Sequence[int]
]  # source, prompt, generated: a forced sequence
TargetScore: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"  # logits (..., V), targets (...) → (...)
Reduce: TypeAlias = "Callable[[Tensor], Tensor]"  # (..., D) → (...), or the units themselves


class ScoreOfSteps(Protocol):
    """A score that compares each target with something of its own, as contrastive ones do."""

    def at(self, steps: slice) -> TargetScore:
        """The score of the targets in `steps`."""
        ...


Score: TypeAlias = "TargetScore | ScoreOfSteps"
