"""What every step function has in common: its record. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


# Options that say what a target is compared with; they are read before the function is called.
CONTRAST = ("contrast", "contrast_ids", "contrast_prompt", "contrast_context", "alignment")
DROPOUT = ("n_dropout", "seed")


@dataclass(frozen=True)
class StepFunction:
    """One way to put a number on a generated token. options: the AttributionSpec fields it listens to.

    logits: (..., V) in at least float32, targets: (...) the generated ids; the result is (...). What `fn` is given
    follows from `compares`:

    - "": fn(logits, targets).
    - "token": fn(logits, targets, other_logits, other_targets), where the other token stands at the same place, so
      that other_logits are these logits; with a run of its own, they are constants (g, V).
    - "context": the same, but with a run of its own unless told otherwise.
    - "distribution": the same, always with a run of its own.
    - "dropout": fn(logits, targets, draws), where draws (n, g) are probabilities of the targets under dropout.

    Options that are not about what is compared come as keywords. no_gradient: why it cannot be the target of a
    gradient, one sentence, or "".
    """

    name: str
    label: str
    unit: str
    formula: str
    source: str
    fn: Callable[..., Tensor]
    options: tuple[str, ...] = ()
    compares: str = ""
    no_gradient: str = ""

    @property
    def keywords(self) -> tuple[str, ...]:
        """The options that `fn` takes as keywords."""
        read = CONTRAST if self.contrastive else DROPOUT if self.compares == "dropout" else ()
        return tuple(name for name in self.options if name not in read)

    @property
    def contrastive(self) -> bool:
        """Whether it needs another output or another prompt."""
        return self.compares in ("token", "context", "distribution")
