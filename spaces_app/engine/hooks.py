"""Touching a running model, only inside `with`: replace embeddings, cut before the head, read attention weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from transformers.activations import ACT2CLS

from spaces_app.engine.attention.implementations import implementation
from spaces_app.errors import NotSupported

# What a block or a part of it gives: hidden states, or a tuple that begins with them.
BlockOutput: TypeAlias = Tensor | tuple[Tensor, ...]

_CLASSES = {entry[0] if isinstance(entry, tuple) else entry for entry in ACT2CLS.values()}
ACTIVATIONS: tuple[type[nn.Module], ...] = tuple(
    entry for entry in _CLASSES if isinstance(entry, type) and issubclass(entry, nn.Module)
)

_CAPTURING = "_output_capturing_hooks_installed"  # how transformers marks a model whose outputs it captures


@contextmanager
def replaced(module: nn.Module, values: Tensor | None) -> Iterator[None]:
    """Within, `module` returns `values` instead of what it computed; None leaves it alone.

    Raises NotSupported when the model did not pass through the module exactly once.
    """
    if values is None:
        yield
        return
    calls = 0

    def swap(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return values.to(output.device, output.dtype)

    handle = module.register_forward_hook(swap)
    try:
        yield
    finally:
        handle.remove()
    if calls != 1:
        raise NotSupported(f"this model reads its embeddings {calls} times per pass, not once.", field="model")


@dataclass
class Cut:
    """Where the body ends and the head begins, at the target positions only.

    hidden: (B, g, D) as the body gave it, part of its graph; leaf: the same values, from which the head's graph
    starts. A score is local to its position, so one ordinary backward through the head gives every cotangent.
    """

    hidden: Tensor | None = None
    leaf: Tensor | None = None


@contextmanager
def cut(head: nn.Module, positions: slice | Tensor) -> Iterator[Cut]:
    """Within, `head` sees only `positions`, a slice or (B, g), so logits are (B, g, V) and never (B, N, V)."""
    taken = Cut()

    def take(_module: nn.Module, inputs: tuple) -> tuple:
        if isinstance(positions, slice):
            taken.hidden = inputs[0][:, positions]  # (B, g, D)
        else:
            places = positions.to(inputs[0].device)[:, :, None].expand(-1, -1, inputs[0].shape[2])
            taken.hidden = inputs[0].gather(1, places)
        # Contiguous: the head would otherwise multiply row by row.
        taken.leaf = taken.hidden.detach().contiguous().requires_grad_(torch.is_grad_enabled())
        return (taken.leaf, *inputs[1:])

    handle = head.register_forward_pre_hook(take)
    try:
        yield taken
    finally:
        handle.remove()
    if taken.hidden is None:
        raise NotSupported("this model does not pass through its output layer.", field="model")


@contextmanager
def straight_activations(model: nn.Module) -> Iterator[None]:
    """Within, every activation function is differentiated by its slope, computed once per pass.

    An activation works element by element, so its backward is a product with the slope at its input, the same for all
    targets. torch would evaluate the derivative anew for each of them, and for GELU one target at a time: a quarter of
    a batched backward pass on a 14 M GPT-2. Values are not touched.
    """
    modules = [module for module in model.modules() if isinstance(module, ACTIVATIONS)]
    handles = [module.register_forward_hook(_straight) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _straight(_module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
    at = inputs[0]
    if not output.requires_grad:
        return output
    slope = torch.autograd.grad(output, at, torch.ones_like(output))[0]
    return output.detach() + slope * (at - at.detach())


@contextmanager
def showing_attention(model: nn.Module) -> Iterator[None]:
    """Within, the model can be asked for its attention weights; on the way out it is as it was.

    Fused attention never has the weights, so every part computes them one by one. The first request makes
    transformers install hooks meant to stay for good; they are taken off again.
    """
    parts = [part for part in model.modules() if hasattr(part, "config")]
    hooks = [(module, set(module._forward_hooks)) for module in model.modules()]
    unmarked = [part for part in parts if _CAPTURING not in vars(part)]
    try:
        with implementation(model, "eager"):
            yield
    finally:
        for module, before in hooks:
            for added in set(module._forward_hooks) - before:
                del module._forward_hooks[added]
        for part in unmarked:
            vars(part).pop(_CAPTURING, None)
