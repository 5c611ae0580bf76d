"""The rescale rule: activations differentiated by the slope between baseline and input. Changes no value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from spaces_app.engine.forward import Run

# Those that captum's DeepLift knows and that work element by element.
ELEMENTWISE = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
SMALLEST = 1e-10  # of a difference that is divided by, as in captum


def rescaled(run: Run, baseline: Tensor) -> Callable[[], AbstractContextManager[None]]:
    """A context in which passes over a ForcedPass's sequence are differentiated by the rescale rule.

    An activation's slope becomes (f(x) − f(x')) / (x − x'), with x' its input when the model reads `baseline`
    (n_inputs, D). A model without such activations is left alone, and the baseline never read.
    """
    modules = [module for module in run.lm.model.modules() if isinstance(module, ELEMENTWISE)]
    known = _baselines(run, baseline, modules) if modules else {}

    @contextmanager
    def around() -> Iterator[None]:
        handles = [module.register_forward_hook(_by_difference(*known[module])) for module in known]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    return around


def _baselines(run: Run, baseline: Tensor, modules: Sequence[nn.Module]) -> dict[nn.Module, tuple[Tensor, Tensor]]:
    """(input, output) of each module when the model reads the baseline; those used more than once are left out."""
    seen: dict[nn.Module, tuple[Tensor, Tensor] | None] = {}

    def see(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        seen[module] = None if module in seen else (inputs[0].detach(), output.detach())

    handles = [module.register_forward_hook(see) for module in modules]
    n_source = run.sequence.n_source
    try:
        with torch.no_grad():
            states = run.body.encode(baseline[None, :n_source])
            run.body.decode(slice(0, run.n_generated), baseline[None, n_source:], states=states)
    finally:
        for handle in handles:
            handle.remove()
    return {module: pair for module, pair in seen.items() if pair is not None}


def _by_difference(x_baseline: Tensor, y_baseline: Tensor) -> Callable[[nn.Module, tuple, Tensor], Tensor]:
    def hook(_module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        at = inputs[0]
        if not output.requires_grad:
            return output
        place = (slice(None), slice(0, at.shape[1])) if at.ndim == 3 else slice(0, at.shape[0])
        rise, run = output.detach() - y_baseline[place], at.detach() - x_baseline[place]
        slope = torch.autograd.grad(output, at, torch.ones_like(output))[0]
        flat = run.abs() < SMALLEST
        slope = torch.where(flat, slope, rise / torch.where(flat, torch.ones_like(run), run))
        return output.detach() + slope * (at - at.detach())

    return hook
