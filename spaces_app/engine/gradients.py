"""Gradients of every target's score with respect to every input embedding. Knows nothing of methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from spaces_app.engine.chunks import Budget, even, in_chunks
from spaces_app.engine.forward import Body
from spaces_app.engine.vjp import one_hot_cotangents, vjp

Score = Callable[[Tensor, Tensor], Tensor]  # logits (..., V), targets (...) → (...)
FP16_SCALE = 1024.0  # probabilities near 1e-6 have gradients below float16's smallest number


@dataclass(frozen=True)
class Path:
    """Points between a baseline and the input: baseline + node · (embeds − baseline), each with a weight.

    baseline: (n_inputs, D); nodes and weights: floats. Gradients come as weighted sums over the points.
    """

    baseline: Tensor
    nodes: tuple[float, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Gradients:
    """Vector–Jacobian products of one body, in chunks of targets.

    Targets of a chunk share one pass that ends where the last of them needs it to, so short prefixes cost less.
    with_decoder False leaves the decoder's embeddings out of the gradient (attribution of the source alone).
    """

    body: Body
    embeds: Tensor
    budget: Budget
    with_decoder: bool = True

    def chunk(self) -> int:
        """Targets per chunk: enough pieces to save work at the ends, few enough not to repeat the forward pass."""
        sequence, n_generated = self.body.sequence, self.body.sequence.n_generated
        length = sequence.n_inputs
        # k passes cost k·(n + G/2) rows forward and G·(n + G/2·(k+1)/k) backward: least at k = G / √(2n + G).
        n_fixed = sequence.n_source + sequence.n_prompt
        pieces = n_generated / (2 * n_fixed + n_generated) ** 0.5
        if n_generated * length < self.budget.rows // 2:
            pieces = 1  # so little work that the calls themselves are what it costs
        return min(even(n_generated, round(pieces)), self.budget.items(length, 1))

    def of_steps(self, score: Score, steps: slice, path: Path | None, tick: Callable[[int], None]) -> Tensor:
        """Gradients of the scores of the targets in `steps`. (g, n, D) over the first n inputs; the rest have none.

        Along a path, the sum over its points of weight · gradient there. `tick` is given the points just done.
        """
        n_points = 1 if path is None else len(path.nodes)
        rows = (steps.stop - steps.start) * (self.body.sequence.n_source + self.body.sequence.length(steps.stop))
        size = self.budget.items(rows, steps.stop - steps.start)

        def work(start: int, stop: int) -> Tensor:
            return self._summed(score, steps, path, slice(start, stop))

        total: Tensor | None = None
        for start, stop, part in in_chunks(n_points, size, work, outermost=False):
            total = part if total is None else total + part
            tick(stop - start)
        return total

    def _summed(self, score: Score, steps: slice, path: Path | None, points: slice) -> Tensor:
        sequence = self.body.sequence
        n_source, length = sequence.n_source, sequence.length(steps.stop)
        with torch.enable_grad():
            # A zero added to every point's embeddings: its gradient is the sum over the points.
            shift = torch.zeros((1, n_source + length, self.embeds.shape[1]), **self._like())
            source_shift = shift[:, :n_source].clone().requires_grad_()
            decoder_shift = shift[:, n_source:].clone().requires_grad_(self.with_decoder)
            embeds = self._points(path, points)[:, : n_source + length]
            states = self.body.encode(embeds[:, :n_source] + source_shift)  # (B, S, D)
            cut_states = None if states is None else states.detach().requires_grad_()
            passed = self.body.decode(steps, embeds[:, n_source:] + decoder_shift, states=cut_states, clean=path is None)
            weights = None if path is None else path.weights[points]
            cotangent, scale = self._cotangent(score, passed, steps, weights)
            inputs = [part for part in (cut_states, decoder_shift) if part is not None and part.requires_grad]
            parts = vjp(passed.hidden, one_hot_cotangents(cotangent), inputs)  # (g, B, S, D), (g, 1, n, D)
            if states is not None:
                parts[0] = vjp(states, parts[0], [source_shift])[0]  # (g, 1, S, D)
        gradient = torch.cat([part[:, 0].to(self.embeds.device) for part in parts], 1)
        gradient = gradient if gradient.dtype == torch.float64 else gradient.float()
        return gradient if scale is None else gradient * scale

    def _points(self, path: Path | None, points: slice) -> Tensor:
        if path is None:
            return self.embeds[None]
        nodes = torch.tensor(path.nodes[points], **self._like())[:, None, None]
        return path.baseline + nodes * (self.embeds - path.baseline)  # (B, n_inputs, D)

    def _cotangent(self, score: Score, passed, steps: slice, weights) -> tuple[Tensor, Tensor | None]:
        """(B, g, D) the gradient of each target's score at the cut, times the points' weights, and what to multiply
        the result by: float16 needs cotangents near 1, or small gradients vanish on the way down."""
        values = score(passed.logits, self.body.sequence.targets[steps].to(passed.logits.device))  # (B, g)
        half = passed.leaf.dtype == torch.float16
        total = values.sum() * FP16_SCALE if half else values.sum()
        cotangent = torch.autograd.grad(total, passed.leaf)[0]
        if weights is not None:
            factors = torch.tensor(weights, dtype=cotangent.dtype, device=cotangent.device)
            cotangent = cotangent * factors[:, None, None]
        if not half:
            return cotangent, None
        size = cotangent.float().abs().amax((0, 2)).clamp_min(1e-30)  # (g,)
        scaled = (cotangent.float() / size[None, :, None]).to(cotangent.dtype)
        return scaled, (size / FP16_SCALE)[:, None, None].to(self.embeds.device)

    def _like(self) -> dict:
        return {"dtype": self.embeds.dtype, "device": self.embeds.device}
