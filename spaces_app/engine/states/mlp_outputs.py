"""What the feed-forward part of every block gives: gradients there, all from one pass, and other values in its place.

Such an output is a vector of D numbers per layer and input token: what the part adds to the residual stream, all its
experts together where it routes tokens to some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spaces_app.engine.chunks import in_chunks
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.forward import Passed, score_of
from spaces_app.engine.hooks import BlockOutput
from spaces_app.engine.states.activations import feed_forward_parts
from spaces_app.types import Score

Cell = tuple[int, int]  # layer, input


@dataclass(frozen=True)
class MlpOutputs:
    """The feed-forward outputs of a ForcedPass with one target, which is what the scores are about.

    Layer l is the l-th block of the encoder at the source tokens and of the decoder at the others; where one side has
    fewer blocks, its last layers have no cells. Arrays are (L, n_inputs, …), NaN where there is no cell.
    """

    run: ForcedPass

    @property
    def sides(self) -> dict[str, slice]:
        """Which inputs each side reads."""
        n_source, n_inputs = self.run.sequence.n_source, self.run.n_inputs
        decoder = {"decoder": slice(n_source, n_inputs)}
        return {"encoder": slice(0, n_source), **decoder} if n_source else decoder

    @property
    def count(self) -> int:
        """How many layers the deeper side has. Raises NotSupported where feed-forward parts cannot be found."""
        return max(len(feed_forward_parts(self.run.lm, side)) for side in self.sides)

    def cells(self) -> list[Cell]:
        """Every (layer, input) there is, by layer."""
        depth = {side: len(feed_forward_parts(self.run.lm, side)) for side in self.sides}
        rows = [(layer, side) for layer in range(self.count) for side in self.sides if layer < depth[side]]
        return [(layer, at) for layer, side in rows for at in range(*self.sides[side].indices(self.run.n_inputs))]

    def gradients(self, score: Score) -> tuple[Tensor, Tensor]:
        """The outputs m and the gradient of the target's score there, both (L, n_inputs, D): one pass there and back.

        The graph begins at the lowest feed-forward output: nothing below it is differentiated, and no parameter.
        """
        run = self.run
        run.tick(0, 1, "Following gradients")
        with torch.enable_grad(), ExitStack() as stack:
            seen = {
                side: [
                    stack.enter_context(_seeing(part, leaf=number == 0 and side == next(iter(self.sides))))
                    for number, part in enumerate(feed_forward_parts(run.lm, side))
                ]
                for side in self.sides
            }
            passed = run.body.decode(slice(0, 1), states=run.body.encode(), clean=True)
            roots, cotangents = zip(*passed.pull(self._scores(score, passed).sum()), strict=True)
            outputs = [part["output"] for parts in seen.values() for part in parts]
            found = torch.autograd.grad(roots, outputs, cotangents, allow_unused=True)
        gradients = iter([torch.zeros_like(m) if g is None else g for g, m in zip(found, outputs, strict=True)])
        run.tick(1, 1, "Following gradients")
        by_side = {side: [next(gradients) for _ in parts] for side, parts in seen.items()}
        return self._joined({side: [p["output"] for p in parts] for side, parts in seen.items()}), self._joined(by_side)

    def outputs(self, embeds: Tensor | None = None) -> Tensor:
        """The outputs when the model reads `embeds` (n_inputs, D) or its own tokens. (L, n_inputs, D)"""
        with torch.no_grad(), ExitStack() as stack:
            seen = {
                side: [stack.enter_context(_seeing(part)) for part in feed_forward_parts(self.run.lm, side)]
                for side in self.sides
            }
            self._passed((self.run.embeds if embeds is None else embeds)[None])
        return self._joined({side: [part["output"] for part in parts] for side, parts in seen.items()})

    def score(self, score: Score, embeds: Tensor | None = None) -> float:
        """The target's score when the model reads `embeds` (n_inputs, D) or its own tokens."""
        with torch.no_grad():
            return float(self._scores(score, self._passed((self.run.embeds if embeds is None else embeds)[None]))[0])

    def exchanged(self, score: Score, values: Tensor, embeds: Tensor | None = None) -> Tensor:
        """The target's score with one output at a time replaced by its row of `values`. (L, n_inputs) on the CPU

        values: (L, n_inputs, D); embeds: what the model reads, as above. One short row of a batch for every cell.
        """
        run, cells = self.run, self.cells()
        embeds = run.embeds if embeds is None else embeds
        result = torch.full(values.shape[:2], torch.nan, dtype=torch.float64, device="cpu")
        run.tick(0, len(cells), "Exchanging outputs")

        def work(start: int, stop: int) -> Tensor:
            some = cells[start:stop]
            with torch.no_grad(), ExitStack() as stack:
                for (side, layer), rows in self._by_layer(some).items():
                    at = torch.tensor([some[row][1] for row in rows], dtype=torch.long, device=values.device)
                    places = (torch.tensor(rows, dtype=torch.long, device=values.device), at - self.sides[side].start)
                    module = feed_forward_parts(run.lm, side)[layer]
                    stack.enter_context(_giving(module, len(some), places, values[layer, at]))
                found = self._scores(score, self._passed(embeds[None].expand(len(some), -1, -1)))
            run.tick(stop, len(cells), "Exchanging outputs")
            return found

        size = run.budget.items(run.n_inputs, 1)
        for start, stop, scores in in_chunks(len(cells), size, work):
            layers, inputs = zip(*cells[start:stop], strict=True)
            result[list(layers), list(inputs)] = scores.double().cpu()
        return result

    def _by_layer(self, cells: list[Cell]) -> Mapping[tuple[str, int], list[int]]:
        """Rows of a batch by the module in which each is changed."""
        found: dict[tuple[str, int], list[int]] = {}
        for row, (layer, at) in enumerate(cells):
            side = "encoder" if at < self.run.sequence.n_source else "decoder"
            found.setdefault((side, layer), []).append(row)
        return found

    def _passed(self, embeds: Tensor) -> Passed:
        """A pass over a batch of embeddings (B, n_inputs, D)."""
        n_source, body = self.run.sequence.n_source, self.run.body
        states = body.encode(embeds[:, :n_source] if n_source else None)
        return body.decode(slice(0, 1), embeds[:, n_source:], states=states)

    def _scores(self, score: Score, passed: Passed) -> Tensor:
        targets = self.run.sequence.targets.to(passed.logits.device).expand(len(passed.logits), 1)
        return score_of(score, slice(0, 1))(passed.logits, targets)[:, 0]  # (B,)

    def _joined(self, parts: Mapping[str, list[Tensor]]) -> Tensor:
        """Outputs or gradients of each side's blocks as one array on the embeddings' device. (L, n_inputs, D)"""
        like = self.run.embeds
        width = next(iter(parts.values()))[0].shape[-1]
        shape = (self.count, self.run.n_inputs, width)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        joined = torch.full(shape, torch.nan, dtype=dtype, device=like.device)
        for side, at in self.sides.items():
            for layer, part in enumerate(parts[side]):
                joined[layer, at] = part.detach().reshape(-1, width).to(joined.device, dtype)
        return joined


@contextmanager
def _seeing(module: nn.Module, *, leaf: bool = False) -> Iterator[dict[str, Tensor]]:
    """Within, what the module gives is kept under "output"; as a `leaf`, the graph begins there."""
    seen: dict[str, Tensor] = {}

    def hook(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> BlockOutput | None:
        own = output[0] if isinstance(output, tuple) else output
        seen["output"] = own.detach().requires_grad_() if leaf else own
        return _with(seen["output"], output) if leaf else None

    handle = module.register_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def _giving(module: nn.Module, n_rows: int, places: tuple[Tensor, Tensor], values: Tensor) -> Iterator[None]:
    """Within, the module's output has other values (R, D) at R places (row of the batch, token)."""

    def hook(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> BlockOutput | None:
        own = output[0] if isinstance(output, tuple) else output
        changed = own.clone(memory_format=torch.contiguous_format)
        rows, tokens = (place.to(own.device) for place in places)
        # Some models join batch and tokens before their feed-forward part.
        changed.view(n_rows, -1, own.shape[-1])[rows, tokens] = values.to(own.device, own.dtype)
        return _with(changed, output)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _with(values: Tensor, output: BlockOutput) -> BlockOutput:
    """What a module gives, with other values: some give what their router said beside them."""
    return (values, *output[1:]) if isinstance(output, tuple) else values
