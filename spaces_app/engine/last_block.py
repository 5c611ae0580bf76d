"""The end of a decoder, behind the last attention: what happens there to a position concerns no other position."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spaces_app.engine.hooks import BlockOutput
from spaces_app.models.adapters import Adapter


@dataclass(frozen=True)
class Tail:
    """The last attention of a model, and the module that is given the residual stream beside it.

    Every position after that attention is on its own, so one ordinary backward pass through the last feed-forward
    part serves all targets; only what lies before needs one per target. That saves three quarters of a block, or half
    of one with cross-attention: a tenth of the time at 6 layers.
    """

    attention: nn.Module
    beside: nn.Module

    @classmethod
    def candidates(cls, adapter: Adapter) -> Iterator[Tail]:
        """What may be the tail of a model built in the usual way. Which one is right is for the caller to measure."""
        for block in adapter.blocks[-1:]:
            named = [part for part in block.modules() if _is(part, "attention")]
            found = [part for part in named if not any(inner in named for inner in part.modules() if inner is not part)]
            if not found or not adapter.encoder_decoder and len(found) > 1:
                return
            # The residual stream enters the block, or the attention itself, or a norm before it.
            norms = [part for part in block.modules() if _is(part, "norm")]
            for beside in [found[-1], *norms] if adapter.encoder_decoder else [block]:
                yield cls(found[-1], beside)


def _is(module: nn.Module, kind: str) -> bool:
    return kind in type(module).__name__.lower()


@dataclass
class TailCut:
    """What passed: the residual stream, and the attention's output before and after the cut. Each (B, n, D)."""

    residual: Tensor | None = None
    attended: Tensor | None = None
    leaf: Tensor | None = None

    def pull(self, hidden: Tensor, cotangent: Tensor, positions: slice) -> list[tuple[Tensor, Tensor]]:
        """From the cotangent (B, g, D) of `hidden` to pairs of (what it depends on, its cotangent) at `positions`."""
        assert self.leaf is not None and self.residual is not None and self.attended is not None
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

    def enter(_module: nn.Module, inputs: tuple, named: dict) -> None:
        cut.residual = inputs[0] if inputs else named["hidden_states"]

    def leave(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> BlockOutput:
        cut.attended = output[0] if isinstance(output, tuple) else output
        cut.leaf = cut.attended.detach().requires_grad_(torch.is_grad_enabled())
        return (cut.leaf, *output[1:]) if isinstance(output, tuple) else cut.leaf

    handles = [tail.beside.register_forward_pre_hook(enter, with_kwargs=True)]
    handles.append(tail.attention.register_forward_hook(leave))
    try:
        yield cut
    finally:
        for handle in handles:
            handle.remove()
