"""Gradients at the outputs of transformer blocks, all chosen ones from one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from spaces_app.engine.backward.gradients import among, cotangents, wanted_in
from spaces_app.engine.backward.vjp import one_hot_cotangents, vjp
from spaces_app.engine.chunks import in_chunks
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.forward import Passed
from spaces_app.engine.hooks import BlockOutput
from spaces_app.errors import NotSupported
from spaces_app.types import Score

Weights: TypeAlias = Sequence[float]
Quadrature: TypeAlias = tuple[Sequence[float], Weights]  # nodes and their weights


@dataclass(frozen=True)
class Layers:
    """The blocks of a ForcedPass's model, by number: layer l is the l-th block of the decoder, and of the encoder.

    What stands at a layer is the hidden state of every input there, (n_inputs, D): the source tokens' in the encoder,
    the others' in the decoder.
    """

    run: ForcedPass

    @property
    def count(self) -> int:
        """How many layers both sides have. Raises NotSupported for a model that is not built of blocks."""
        facts = self.run.lm.facts
        if not self.run.body.adapter.blocks:
            raise NotSupported("this model is not built of transformer blocks.", field="method")
        return min(facts.n_layers, facts.n_encoder_layers) if self.run.encoder_decoder else facts.n_layers

    def states(self, layers: tuple[int, ...], embeds: Tensor | None = None) -> Tensor:
        """Hidden states at layers when the model reads `embeds` (n_inputs, D) or its own. (L, n_inputs, D)"""
        run, n_source = self.run, self.run.sequence.n_source
        with torch.no_grad(), ExitStack() as stack:
            seen = [stack.enter_context(_seeing(block)) for block in self._blocks(layers)]
            encoded = run.body.encode(None if embeds is None else embeds[None, :n_source])
            decoded = None if embeds is None else embeds[None, n_source:]
            run.body.decode(slice(0, run.n_generated), decoded, states=encoded, clean=embeds is None)
        return self._joined([part["output"][0] for part in seen])

    def gradients(self, score: Score, layers: tuple[int, ...]) -> Iterator[tuple[slice, Tensor]]:
        """(targets, gradients (L, g, n, D) of their scores at each layer) in chunks of targets, over the first n."""
        run = self.run
        held = 8 * run.n_inputs * run.embeds.shape[1] * len(layers)  # a chunk's gradients, until they are reduced
        size = max(1, min(run.budget.items(run.n_inputs), run.budget.bytes // held))
        run.tick(0, run.n_generated, "Following gradients")

        def work(start: int, stop: int) -> Tensor:
            steps = slice(start, stop)
            with torch.enable_grad(), ExitStack() as stack:
                # The graph begins at the lowest block, and reaches a decoder's through cross-attention.
                blocks = enumerate(self._blocks(layers))
                seen = [stack.enter_context(_seeing(block, leaf=i == 0)) for i, block in blocks]
                passed = run.body.decode(steps, states=run.body.encode(), clean=True)
                gradient = self._pulled(score, passed, steps, [part["output"] for part in seen])
            run.tick(stop, run.n_generated, "Following gradients")
            return self._joined(gradient)

        for start, stop, gradient in in_chunks(run.n_generated, size, work):
            yield slice(start, stop), gradient

    def along(
        self, score: Score, layer: int, ends: tuple[Tensor, Tensor], path: Quadrature
    ) -> Iterator[tuple[slice, Tensor]]:
        """(targets, weighted sums (g, n, D) of gradients at one layer) as its states go from one end to the other.

        ends: two of (n_inputs, D); path: (nodes, weights). Lower layers are computed once per pass, not per point.
        """
        run, (nodes, weights) = self.run, path
        run.tick(0, run.n_generated, "Following gradients")

        def of_steps(start: int, stop: int) -> Tensor:
            steps = slice(start, stop)
            length = run.sequence.n_source + run.sequence.length(stop)
            size = run.budget.items((stop - start) * length, stop - start, length)
            total: Tensor | None = None

            def work(low: int, high: int) -> Tensor:
                return self._along(score, layer, (steps, length), ends, (nodes[low:high], weights[low:high]))

            for _, _, part in in_chunks(len(nodes), size, work, outermost=False):
                total = part if total is None else total + part
            run.tick(stop, run.n_generated, "Following gradients")
            assert total is not None
            return total

        held = run.budget.bytes // (8 * run.n_inputs * run.embeds.shape[1])
        size = max(1, min(run.n_generated, held, run.budget.items(0, 1)))
        for start, stop, gradient in in_chunks(run.n_generated, size, of_steps):
            yield slice(start, stop), gradient

    def _along(
        self, score: Score, layer: int, where: tuple[slice, int], ends: tuple[Tensor, Tensor], path: Quadrature
    ) -> Tensor:
        run, (steps, length), (nodes, weights) = self.run, where, path
        n_source = run.sequence.n_source
        wide = torch.float64 if run.embeds.dtype == torch.float64 else torch.float32
        start, stop = (end[:length].to(wide) for end in ends)
        alphas = torch.tensor(nodes, dtype=wide, device=start.device)[:, None, None]
        with torch.enable_grad(), ExitStack() as stack:
            shift = torch.zeros((1, length, start.shape[1]), dtype=wide, device=start.device, requires_grad=True)
            points = start + alphas * (stop - start) + shift  # (B, length, D)
            sides = [points[:, n_source:]] if not n_source else [points[:, :n_source], points[:, n_source:]]
            for block, values in zip(self._blocks((layer,)), sides, strict=True):
                stack.enter_context(_giving(block, values))
            embeds = None
            states = run.body.encode(None if not n_source else run.embeds[None, :n_source].expand(len(nodes), -1, -1))
            if n_source:  # cross-attention takes as many rows of the decoder as of the source
                embeds = run.embeds[None, n_source:length].expand(len(nodes), -1, -1)
            passed = run.body.decode(steps, embeds, states=states)
            return self._pulled(score, passed, steps, [shift], weights=weights)[0]

    def _pulled(
        self, score: Score, passed: Passed, steps: slice, inputs: list[Tensor], *, weights: Weights | None = None
    ) -> list[Tensor]:
        run = self.run
        device = run.embeds.device
        pairs, scale = cotangents(score, passed, run.sequence, steps, weights=weights, device=device)
        n_rows = passed.logits.shape[0] * (run.sequence.n_source + run.sequence.length(steps.stop))

        wanted = wanted_in(steps, run.asked) or [steps.start]  # one tells the shapes

        def walk_back(start: int, stop: int) -> list[Tensor]:
            some = [target - steps.start for target in wanted[start:stop]]
            ones = [one_hot_cotangents(cotangent, some) for _, cotangent in pairs]
            return [part[:, 0].to(device) for part in vjp([root for root, _ in pairs], ones, inputs)]  # each (g, n, D)

        chunks = in_chunks(len(wanted), run.budget.items(n_rows), walk_back, outermost=False)
        parts = [torch.cat(column) for column in zip(*(found for _, _, found in chunks), strict=True)]
        if scale is not None:
            parts = [part * scale[[target - steps.start for target in wanted]] for part in parts]
        return [among(part, wanted, steps, part.shape[1]) for part in parts]

    def _blocks(self, layers: tuple[int, ...]) -> list[nn.Module]:
        """The chosen blocks: the encoder's first, where there is one."""
        blocks, facts = self.run.body.adapter.blocks, self.run.lm.facts
        offset = facts.n_encoder_layers if self.run.encoder_decoder else 0
        decoder = [blocks[offset + layer] for layer in layers]
        return [*(blocks[layer] for layer in layers), *decoder] if offset else decoder

    def _joined(self, parts: list[Tensor]) -> Tensor:
        """States or gradients of the blocks (…, n_side, D) as one array (L, …, n, D)."""
        if not self.run.encoder_decoder:
            return torch.stack(parts)
        half = len(parts) // 2
        pairs = zip(parts[:half], parts[half:], strict=True)
        return torch.stack([torch.cat([source.to(own.device), own], -2) for source, own in pairs])


@contextmanager
def _seeing(block: nn.Module, *, leaf: bool = False) -> Iterator[dict[str, Tensor]]:
    """Within, what the block gives is kept under "output"; as a `leaf`, the graph begins there."""
    seen: dict[str, Tensor] = {}

    def hook(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> BlockOutput | None:
        hidden = output[0] if isinstance(output, tuple) else output
        seen["output"] = hidden.detach().requires_grad_() if leaf else hidden
        if not leaf:
            return None
        return (seen["output"], *output[1:]) if isinstance(output, tuple) else seen["output"]

    handle = block.register_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def _giving(block: nn.Module, values: Tensor) -> Iterator[None]:
    """Within, the block gives `values` (B, n, D) instead of what it computed."""

    def hook(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> BlockOutput | None:
        hidden = output[0] if isinstance(output, tuple) else output
        given = values.to(hidden.device, hidden.dtype)
        return (given, *output[1:]) if isinstance(output, tuple) else given

    handle = block.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
