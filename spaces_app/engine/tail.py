"""The end of a decoder, behind the last attention: what happens there to a position concerns no other position."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spaces_app.models.adapters import Adapter


@dataclass(frozen=True)
class Tail:
    """The last block of a decoder-only model and its attention.

    Every position after that attention is on its own, so one ordinary backward pass through the last feed-forward
    part serves all targets; only what lies before needs one per target. That saves three quarters of a block: a tenth
    of the time at 6 layers.
    """

    block: nn.Module
    attention: nn.Module

    @classmethod
    def of(cls, adapter: Adapter) -> Tail | None:
        """The tail of a model built in the usual way, else None. Whether it is right is for the caller to measure."""
        if adapter.encoder_decoder:
            return None  # two attentions in a block, and no module between them and the residual stream
        for block in adapter.blocks[-1:]:
            found = [module for module in block.children() if "attention" in type(module).__name__.lower()]
            if len(found) == 1:
                return cls(block, found[0])
        return None


@dataclass
class TailCut:
    """What passed: the block's input, and the attention's output before and after the cut. Each (B, n, D)."""

    residual: Tensor | None = None
    attended: Tensor | None = None
    leaf: Tensor | None = None

    def pull(self, hidden: Tensor, cotangent: Tensor, positions: slice) -> list[tuple[Tensor, Tensor]]:
        """From the cotangent (B, g, D) of `hidden` to pairs of (what it depends on, its cotangent) at `positions`."""
        # Kept: a feed-forward part beside the attention, as in Phi, shares its norm with it.
        parts = torch.autograd.grad(hidden, [self.leaf, self.residual], cotangent, retain_graph=True)
        roots = (self.attended, self.residual)
        return [(root[:, positions], part[:, positions]) for root, part in zip(roots, parts, strict=True)]


@contextmanager
def tail_cut(tail: Tail | None) -> Iterator[TailCut | None]:
    """Within, the graph behind the last attention begins anew at a leaf; None cuts nothing."""
    if tail is None:
        yield None
        return
    cut = TailCut()

    def enter(_module, inputs: tuple, named: dict) -> None:
        cut.residual = inputs[0] if inputs else named["hidden_states"]

    def leave(_module, _inputs, output):
        cut.attended = output[0] if isinstance(output, tuple) else output
        cut.leaf = cut.attended.detach().requires_grad_(torch.is_grad_enabled())
        return (cut.leaf, *output[1:]) if isinstance(output, tuple) else cut.leaf

    handles = [tail.block.register_forward_pre_hook(enter, with_kwargs=True)]
    handles.append(tail.attention.register_forward_hook(leave))
    try:
        yield cut
    finally:
        for handle in handles:
            handle.remove()
