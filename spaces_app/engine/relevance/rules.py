"""AttnLRP as a gradient: within `Rules.applied`, input × gradient is the relevance of Achtibat et al. 2024.

Layer-wise relevance propagation gives every part of a model a rule by which relevance goes back through it. With
relevance = value × gradient, each rule is a way of differentiating, and values stay what they are:

- linear layers, sums, rotations: as they are (the ε rule at ε → 0; a bias keeps its share);
- activation functions f: f(z) = z · [f(z) / z], the bracket held constant (identity rule);
- RMSNorm and LayerNorm: the divisor held constant (identity rule; centring is linear);
- softmax: its true derivative (Taylor expansion; what it adds of its own keeps a share, like a bias);
- products of two things that both carry relevance (query · key, weights · values, gate · up): ½ to each factor.
Source: https://arxiv.org/abs/2402.05602, section 3 and its proofs in appendix A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spaces_app.engine.attention.implementations import Attention, attending, plain
from spaces_app.engine.relevance.ledger import Ledger
from spaces_app.errors import NotSupported


@dataclass(frozen=True)
class Norm:
    """A normalization y = u / size + bias with u = gain · (x − mean), or without the mean; its size is read off y."""

    module: nn.Module
    centred: bool
    offset: float  # what is added to the weight: 1 in Gemma

    def gained(self, x: Tensor) -> Tensor:
        u = x - x.mean(-1, keepdim=True) if self.centred else x
        weight = getattr(self.module, "weight", None)
        return u if weight is None else u * (weight.to(u.dtype) + self.offset)

    def scale(self, u: Tensor, y: Tensor) -> Tensor:
        """1 / size of every row: the factor that brings u to y without its bias."""
        bias = getattr(self.module, "bias", None)
        y = y if bias is None else y - bias.to(y.dtype)
        return (u * y).sum(-1, keepdim=True) / (u * u).sum(-1, keepdim=True).clamp_min(1e-30)


@dataclass(frozen=True)
class Rules:
    """What of a model needs a rule of its own: norms, activations, and layers whose input is a product of two."""

    norms: tuple[Norm, ...]
    activations: tuple[nn.Module, ...]
    products: tuple[nn.Module, ...]

    @contextmanager
    def applied(self, model: nn.Module, ledger: Ledger | None = None) -> Iterator[None]:
        """Within, the model is differentiated by the rules; with a ledger, what keeps relevance is put on record."""
        handles = [norm.module.register_forward_hook(_steady(norm)) for norm in self.norms]
        handles += [module.register_forward_hook(_proportional) for module in self.activations]
        handles += [module.register_forward_pre_hook(_halved_input) for module in self.products]
        handles += ledger.hooks(model) if ledger else []
        try:
            with attending(model, _attention(ledger)):
                yield
        finally:
            for handle in handles:
                handle.remove()


def _attention(ledger: Ledger | None) -> Attention:
    """Attention by the rules. With a ledger, it is compared with the model's own: they must agree."""

    def attend(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
    ) -> tuple[Tensor, Tensor]:
        n_groups = query.shape[1] // key.shape[1]
        keys, values = (part.repeat_interleave(n_groups, 1) for part in (key, value))  # (B, H, m, d)
        scaling = options.get("scaling")
        scores = _halved(query @ keys.mT) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        raised = scores
        if softcap := options.get("softcap"):
            raised = _in_proportion(raised, softcap * (raised / softcap).tanh())
        for bias in (options.get("position_bias"), mask):
            raised = raised if bias is None else raised + bias
        wide = torch.float64 if raised.dtype == torch.float64 else torch.float32
        weights = raised.softmax(-1, dtype=wide).to(query.dtype)
        output = _halved(weights @ values).transpose(1, 2)
        if ledger:
            expected = plain(module)(module, query, key, value, mask, **options)[0]
            if not close(output, expected):
                raise NotSupported("this model computes its attention in a way of its own.", field="method")
            ledger.softmax(scores, weights)
        return output.contiguous(), weights

    return attend


def _steady(norm: Norm) -> Callable[[nn.Module, tuple, Tensor], Tensor]:
    """A hook by which a norm is differentiated as if its divisor were a constant."""

    def hook(_module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not output.requires_grad:
            return output
        wide = torch.float64 if output.dtype == torch.float64 else torch.float32
        u = norm.gained(inputs[0].to(wide))
        moved = u * norm.scale(u, output.to(wide)).detach()
        return output.detach() + (moved - moved.detach()).to(output.dtype)

    return hook


def _proportional(_module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
    return _in_proportion(inputs[0], output) if output.requires_grad else output


def _halved_input(_module: nn.Module, inputs: tuple) -> tuple:
    return (_halved(inputs[0]), *inputs[1:])


def _in_proportion(z: Tensor, y: Tensor) -> Tensor:
    """y, differentiated as if it were z times a constant; where z is 0, so is y."""
    z0 = z.detach()
    ratio = torch.where(z0 == 0, torch.zeros_like(z0), y.detach() / z0)
    return y.detach() + (z - z0) * ratio


def _halved(values: Tensor) -> Tensor:
    """The values, with half their gradient: what each factor of a product gets."""
    return values / 2 + values.detach() / 2


def close(found: Tensor, expected: Tensor, dtype: torch.dtype | None = None) -> bool:
    tolerance = 1e-4 if (dtype or expected.dtype) in (torch.float32, torch.float64) else 0.03
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())
