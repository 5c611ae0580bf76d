"""Passes with dropout, without touching the model: it stays in eval mode, and the global random state as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from spaces_app.engine.chunks import Budget, in_chunks
from spaces_app.engine.forward import Body, Sequence
from spaces_app.engine.progress import Progress
from spaces_app.errors import NotSupported
from spaces_app.models.adapters import Adapter
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import ForcedIds, Tick


class dropping(TorchFunctionMode):  # noqa: N801  (used as a `with` statement)
    """Within, every call of dropout drops, whatever mode its module is in, with numbers of this generator.

    That covers dropout modules as well as the function called directly, as BART does. What fused attention drops by
    itself, and layers skipped in training, are not covered. `calls` counts the calls that dropped something.
    """

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self.generator, self.calls = generator, 0

    def __torch_function__(
        self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in (functional.dropout, torch.dropout):
            values = args[0] if args else kwargs["input"]
            share = args[1] if len(args) > 1 else kwargs.get("p", 0.5)
            return self._dropped(values, float(share))
        return func(*args, **kwargs)

    def _dropped(self, values: Tensor, share: float) -> Tensor:
        if share <= 0:
            return values
        self.calls += 1
        # Drawn on the CPU: the same numbers on every device.
        drawn = torch.rand(values.shape, generator=self.generator, dtype=torch.float32, device="cpu")
        kept = (drawn >= share).to(values.device, values.dtype)
        return values * kept / max(1 - share, 1e-6)


def dropout_probabilities(
    lm: LoadedModel, ids: ForcedIds, n_draws: int, seed: int, *, chunk_mb: int = 256, tick: Tick
) -> Tensor:
    """Probabilities of the generated ids in passes with dropout. (n_draws, G) in float64 on the CPU.

    Dropout as the model's configuration has it, in encoder and decoder (Gal and Ghahramani 2016). Raises NotSupported
    for a model without dropout.
    """
    sequence, progress = Sequence.of(ids, lm.device), Progress(tick)
    body = Body(Adapter.of(lm), sequence, lambda *_: None, progress)
    size = Budget.of(lm, sequence.n_inputs, chunk_mb).items(0, 1)
    generator = torch.Generator(device="cpu")
    generator.manual_seed(seed)
    table = torch.empty((n_draws, sequence.n_generated), dtype=torch.float64, device="cpu")
    for draw in range(n_draws):
        progress(draw, n_draws, "Passes with dropout")
        with torch.no_grad(), dropping(generator) as mode:
            states = body.encode()

            def work(start: int, stop: int, states: Tensor | None = states) -> Tensor:
                return body.decode(slice(start, stop), states=states).logits[0]

            for start, stop, logits in in_chunks(sequence.n_generated, size, work):
                targets = sequence.targets[start:stop, None].to(logits.device)
                table[draw, start:stop] = logits.double().softmax(-1).gather(-1, targets)[:, 0].cpu()
        if not mode.calls:
            raise NotSupported(
                "this model has no dropout, so every pass gives the same probability.",
                hint="Choose another number.",
                field="step_function",
            )
    return table
