"""Relevance through a model: which rules it needs, and whether they account for all of it.

Nothing is known of any model by name. Which modules are norms, activations and products is found by looking at values
in a short pass, and then the account is checked: relevance at the top must equal what the inputs get plus what biases,
positions and softmax keep. A model where it does not has an operation without a rule, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spaces_app.engine.forward import Body, score_of
from spaces_app.engine.hooks import ACTIVATIONS
from spaces_app.engine.probe import FoundOut, probe
from spaces_app.engine.relevance.ledger import Ledger
from spaces_app.engine.relevance.rules import Norm, Rules, close
from spaces_app.errors import NotSupported
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import Score, TargetScore

LOSS, HALF_LOSS = 1e-4, 0.05  # of all relevance that goes through the model, in float32 and in lower precision


@contextmanager
def relevance_rules(lm: LoadedModel) -> Iterator[None]:
    """Within, gradients of the model are those whose product with the input is AttnLRP's relevance.

    Raises NotSupported, with the reason, for a model whose operations do not all have a rule.
    """
    with rules_of(lm).applied(lm.model):
        yield


def rules_of(lm: LoadedModel) -> Rules:
    """The rules of a model, found and checked once. Raises NotSupported with the reason where there are none."""
    return _rules.of(lm)


def refusal(lm: LoadedModel) -> str:
    """Why relevance cannot be followed through a model, or ""."""
    return _rules.refusal(lm)


class Started:
    """A score that notes the relevance it starts with: Σ_v logit_v · ∂score/∂logit_v, which is a logit itself."""

    def __init__(self, score: Score, n_targets: int):
        self.score, self.relevance = score, [0.0] * n_targets

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.at(slice(0, len(self.relevance)))(logits, targets)

    def at(self, steps: slice) -> TargetScore:
        """The score of the targets in `steps`, as `evaluate` asks for it."""
        score = score_of(self.score, steps)

        def noting(logits: Tensor, targets: Tensor) -> Tensor:
            values = score(logits, targets)
            if logits.requires_grad:
                slope = torch.autograd.grad(values.sum(), logits, retain_graph=True)[0]
                started = (slope * logits.detach()).sum(-1)  # (..., g)
                self.relevance[steps] = started.reshape(-1, started.shape[-1])[0].tolist()
            return values

        return noting


def account(lm: LoadedModel, rules: Rules, body: Body) -> tuple[float, float, float]:
    """(relevance of the last target's logit, what was found of it below, sizes of all that was found, added up).

    Relevance starts at the hidden state the head reads; what is found is the inputs' and what the ledger says was kept.
    """
    ledger, last = Ledger.of(body.adapter.blocks), body.sequence.n_generated - 1
    with torch.enable_grad(), rules.applied(lm.model, ledger):
        embeds, n_source = body.embed()[None], body.sequence.n_source
        inputs, states = [embeds[:, n_source:].detach().requires_grad_()], None
        if n_source:
            inputs.append(embeds[:, :n_source].detach().requires_grad_())
            states = body.encode(inputs[1])
        passed = body.decode(slice(last, last + 1), inputs[0], states=states)
        cotangent = torch.autograd.grad(passed.logits[0, 0, body.sequence.targets[last]], passed.leaf)[0]
        found, size = ledger.total(passed.hidden, cotangent, inputs)
    return float((passed.leaf.detach().double() * cotangent.double()).sum()), found, size


def _checked(lm: LoadedModel) -> Rules:
    """The rules of a model whose account is balanced."""
    body = probe(lm)
    rules = _found(lm, body)
    started, found, size = account(lm, rules, body)
    tolerance = LOSS if lm.dtype in (torch.float32, torch.float64) else HALF_LOSS
    if abs(found - started) > tolerance * max(size, abs(started)):
        reason = "a part of this model has no known relevance rule, and relevance would get lost in it."
        raise NotSupported(reason, field="method")
    return rules


def _found(lm: LoadedModel, body: Body) -> Rules:
    """Norms, activations and products, told by what they compute in a pass over a few tokens."""
    norms = tuple(norm for norm in map(_norm, lm.model.modules()) if norm)
    activations = tuple(module for module in lm.model.modules() if isinstance(module, ACTIVATIONS))
    products: list[nn.Module] = []
    recent: list[Tensor] = []
    waiting: list[Tensor] = []

    def activated(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        at_zero = module.forward(torch.zeros_like(inputs[0]))
        if at_zero.abs().max() > 0:
            raise NotSupported("this model has an activation that is not 0 at 0.", field="method")
        waiting[:] = [output]

    def enter(module: nn.Module, inputs: tuple) -> None:
        if waiting and inputs and isinstance(inputs[0], Tensor) and inputs[0].shape == waiting[0].shape:
            factors = [part for output in recent for part in (output, *output.chunk(2, -1))]
            if any(part.shape == inputs[0].shape and close(waiting[0] * part, inputs[0]) for part in factors):
                products.append(module)
                waiting.clear()

    def leave(_module: nn.Module, _inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor):
            recent[:] = [*recent[-3:], output]

    weighted = [part for part in lm.model.modules() if not any(part.children()) and list(part.parameters())]
    handles = [part.register_forward_pre_hook(enter) for part in weighted]
    handles += [part.register_forward_hook(leave) for part in weighted]
    handles += [module.register_forward_hook(activated) for module in activations]
    try:
        with torch.no_grad():
            body.decode(slice(0, 1), states=body.encode())
    finally:
        for handle in handles:
            handle.remove()
    return Rules(norms, activations, tuple(dict.fromkeys(products)))


def _norm(module: nn.Module) -> Norm | None:
    """What a module normalizes, if its output on random numbers is that of a LayerNorm or RMSNorm."""
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    own = dict(module.named_parameters()).keys()
    if (
        any(module.children())
        or not own <= {"weight", "bias"}
        or ("norm" not in type(module).__name__.lower() and not own)
    ):
        return None
    shape: Any = getattr(module, "normalized_shape", None)
    if weight is None and shape is None or weight is not None and weight.dim() != 1:
        return None
    dtype, device = (torch.float32, "cpu") if weight is None else (weight.dtype, weight.device)
    d = shape[-1] if weight is None else len(weight)
    x = torch.randn((4, d), generator=torch.Generator("cpu").manual_seed(0), dtype=torch.float32, device="cpu")
    x = (x + 0.5).to(device, dtype)
    with torch.no_grad():
        y = module(x)
    if y.shape != x.shape:
        return None
    for centred in (False, True):
        for offset in (0.0, 1.0) if weight is not None else (0.0,):
            norm = Norm(module, centred, offset)
            u = norm.gained(x.float())
            rebuilt = u * norm.scale(u, y.float()) + (0 if bias is None else bias.float())
            if close(rebuilt, y.float(), dtype):
                return norm
    return None


_rules = FoundOut(
    _checked,
    otherwise="relevance cannot be followed through this model.",
    offloaded="this model is only partly in memory, which leaves no room for gradients.",
)
