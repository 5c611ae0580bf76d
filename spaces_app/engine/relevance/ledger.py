"""Relevance gathered while it is passed back from a logit to the inputs, one account for every tensor it reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


@dataclass
class Ledger:
    """What keeps relevance in a pass: tensors of its graph, each with what it is multiplied by.

    The relevance of a value is value · gradient. Of a sum x + b, b keeps b · gradient; so for biases the tensor is the
    sum and the factor is the bias. Softmax keeps what its weights get less what its scores pass on.
    """

    inside: frozenset[nn.Module]  # modules of transformer blocks
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    @classmethod
    def of(cls, blocks: Iterable[nn.Module]) -> Ledger:
        return cls(frozenset(part for block in blocks for part in block.modules()))

    def softmax(self, scores: Tensor, weights: Tensor) -> None:
        """scores before masks and position biases, which keep their share, too."""
        self.kept += [(weights, weights.detach()), (scores, -scores.detach())]

    def hooks(self, model: nn.Module) -> list[RemovableHandle]:
        """Hooks that put every bias on record, and constants added to the embeddings, as positions are."""
        handles: list[RemovableHandle] = []
        for module in model.modules():
            if isinstance(getattr(module, "bias", None), Tensor):
                handles.append(module.register_forward_hook(self._bias))
            elif module not in self.inside and not any(module.children()):
                handles.append(module.register_forward_hook(self._constant))
        return handles

    def total(self, outputs: Tensor, cotangent: Tensor, inputs: list[Tensor]) -> tuple[float, float]:
        """(sum, sum of sizes) of the relevance of the inputs and of all that was kept, for weighted outputs."""
        pairs = [(item, item.detach()) for item in inputs] + [pair for pair in self.kept if pair[0].requires_grad]
        gradients = torch.autograd.grad(outputs, [item for item, _ in pairs], cotangent, allow_unused=True)
        shares = [
            float((gradient.double() * factor.double()).sum())
            for gradient, (_, factor) in zip(gradients, pairs, strict=True)
            if gradient is not None
        ]
        return sum(shares), sum(abs(share) for share in shares)

    def _bias(self, module: nn.Module, _inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and isinstance(module.bias, Tensor):
            self.kept.append((output, module.bias.detach()))

    def _constant(self, _module: nn.Module, _inputs: tuple, output: object) -> Tensor | None:
        if not isinstance(output, Tensor) or output.requires_grad or not output.is_floating_point():
            return None
        leaf = output.detach().requires_grad_()
        self.kept.append((leaf, leaf.detach()))
        return leaf
