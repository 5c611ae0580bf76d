"""Where a decoder's attention can be taken apart: which modules, and the linear layer behind each. Found by a probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spaces_app.engine.attention.implementations import attending, plain
from spaces_app.engine.probe import N_SOURCE, FoundOut, probe
from spaces_app.errors import NotSupported
from spaces_app.models.facts import blocks
from spaces_app.models.loaded import LoadedModel


@dataclass(frozen=True)
class Site:
    """One attention of the decoder: the module, the projection its heads' outputs go into, and what it looks at."""

    attention: nn.Module
    projection: nn.Module
    layer: int
    cross: bool

    def moved(self, value: Tensor, n_heads: int) -> Tensor:
        """What each head would bring from each token at weight 1. value (1, H_kv, m, d) → (H, m, D)"""
        return torch.matmul(_per_head(value, n_heads)[0], _matrix(self.projection).unflatten(0, (n_heads, -1)))


def sites(lm: LoadedModel) -> tuple[Site, ...]:
    """Every attention of the decoder, found in a pass over a few tokens. Raises NotSupported with the reason.

    A site is understood when its output is the weighted sum of its values, and goes straight into a linear layer.
    """
    return _sites.of(lm)


def refusal(lm: LoadedModel) -> str:
    """Why the values of a model cannot be read, or ""."""
    return _sites.refusal(lm)


def _found(lm: LoadedModel) -> tuple[Site, ...]:
    body = probe(lm)
    found: list[Site] = []
    pending: list[tuple[nn.Module, bool, Tensor]] = []
    layer_of = {part: i for i, block in enumerate(blocks(lm.model.get_decoder())) for part in block.modules()}

    def attend(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
    ) -> tuple[Tensor, Tensor]:
        output, weights = plain(module)(module, query, key, value, mask, **options)
        if module in layer_of:
            mixed = torch.matmul(weights, _per_head(value, weights.shape[1])).transpose(1, 2)
            pending[:] = [(module, key.shape[2] == N_SOURCE and body.sequence.n_source > 0, output)]
            if not _close(mixed, output):
                raise NotSupported("attention in this model is no weighted sum of values.", field="method")
        return output, weights

    def enter(module: nn.Module, inputs: tuple) -> None:
        if not pending or not inputs or not isinstance(inputs[0], Tensor):
            return
        attention, cross, output = pending[0]
        if inputs[0].numel() == output.numel() and torch.equal(inputs[0].flatten(), output.flatten()):
            pending.clear()
            found.append(Site(attention, module, layer_of[attention], cross))

    def leave(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        if found and found[-1].projection is module:
            rest = output - torch.matmul(inputs[0], _matrix(module))
            if not _close(rest, rest[:, :1].expand_as(rest), output.abs().max()):
                raise NotSupported("attention in this model does not end in a linear layer.", field="method")

    parts = [part for part in layer_of if not any(part.children())]
    handles = [part.register_forward_pre_hook(enter) for part in parts]
    handles += [part.register_forward_hook(leave) for part in parts]
    try:
        with torch.no_grad(), attending(lm.model, attend):
            body.decode(slice(0, 1), states=body.encode())
    finally:
        for handle in handles:
            handle.remove()
    sides = (False, True) if lm.facts.encoder_decoder else (False,)
    expected = sorted((layer, cross) for layer in range(lm.facts.n_layers) for cross in sides)
    if sorted((site.layer, site.cross) for site in found) != expected:
        raise NotSupported("this model computes its attention in a way of its own.", field="method")
    return tuple(found)


def _matrix(projection: nn.Module) -> Tensor:
    """The weights of a linear layer as (inputs, outputs); transformers' Conv1D stores them so."""
    weight = projection.weight
    assert isinstance(weight, Tensor)
    return weight.T if isinstance(projection, nn.Linear) else weight


def _per_head(value: Tensor, n_heads: int) -> Tensor:
    """Values of every head, where groups of heads share them. (B, H_kv, m, d) → (B, H, m, d)"""
    return value.repeat_interleave(n_heads // value.shape[1], 1)


def _close(found: Tensor, expected: Tensor, scale: Tensor | None = None) -> bool:
    tolerance = 1e-4 if expected.dtype in (torch.float32, torch.float64) else 0.03
    scale = expected.abs().max() if scale is None else scale
    return bool((found - expected).abs().max() <= tolerance * scale)


_sites = FoundOut(
    _found,
    otherwise="this model computes its attention in a way of its own.",
    offloaded="this model is only partly in memory, and its values cannot be read there.",
)
