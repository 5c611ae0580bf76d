"""Gradients of every target's score with respect to every input embedding."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from spaces_app.engine.backward.pass_splitting import FEWEST_ROWS, pieces
from spaces_app.engine.backward.paths import Bent, OneByOne, Path
from spaces_app.engine.backward.vjp import one_hot_cotangents, vjp
from spaces_app.engine.chunks import Budget, even, in_chunks
from spaces_app.engine.forward import Body, Passed, evaluate
from spaces_app.engine.forward import Sequence as TokenSequence
from spaces_app.engine.last_block import Tail
from spaces_app.errors import NotSupported
from spaces_app.types import Score

Points = Path | Bent | OneByOne
_tails: WeakKeyDictionary[nn.Module, Tail | None] = WeakKeyDictionary()  # model → its tail, or None where it has none
FP16_SCALE = 1024.0  # probabilities near 1e-6 have gradients below float16's smallest number


@dataclass(frozen=True)
class Gradients:
    """Vector–Jacobian products of one body, in chunks of targets.

    Targets of a chunk share one pass that ends where the last of them needs it to, so short prefixes cost less.
    with_decoder False leaves the decoder's embeddings out of the gradient (attribution of the source alone). Passes are
    made within `around()`, which may change how they are differentiated, never what they compute. Where `asked` is
    False, a target's gradient is not taken: NaN.
    """

    body: Body
    embeds: Tensor
    budget: Budget
    with_decoder: bool = True
    tail: Tail | None = None
    around: Callable[[], AbstractContextManager] = nullcontext
    asked: tuple[bool, ...] | None = None

    @classmethod
    def of(cls, body: Body, embeds: Tensor, budget: Budget, *, with_decoder: bool) -> Gradients:
        """With the model's tail where that gives the same numbers, which is measured once per model."""
        plain = cls(body, embeds, budget, with_decoder)
        model = body.adapter.model
        if model not in _tails:
            _tails[model] = plain._tail()
        return dataclasses.replace(plain, tail=_tails[model])

    def _tail(self) -> Tail | None:
        step = slice(self.body.sequence.n_generated - 1, self.body.sequence.n_generated)
        quiet = dataclasses.replace(self, body=dataclasses.replace(self.body, observe=lambda *_: None))
        tolerance = 1e-4 if self.embeds.dtype in (torch.float32, torch.float64) else 0.05
        expected: Tensor | None = None
        for tail in (None, *Tail.candidates(self.body.adapter)):
            try:
                found = dataclasses.replace(quiet, tail=tail).of_steps(_logit, step, None, lambda _: None)
            except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, NotSupported):
                if tail is None:
                    return None  # the question itself will say why
                continue  # not built in the usual way
            if tail is None:
                expected = found
            elif expected is not None and (found - expected).abs().max() <= tolerance * expected.abs().max():
                return tail
        return None

    def chunk(self, n_points: int) -> int:
        """Targets per chunk: enough pieces to save work at the ends, few enough not to repeat the forward pass."""
        sequence, n_generated = self.body.sequence, self.body.sequence.n_generated
        n_fixed = sequence.n_source + sequence.n_prompt
        count = pieces(n_generated, n_fixed, n_points=n_points, fewest=max(FEWEST_ROWS, 2 * self.budget.calls))
        # A piece's gradients are held until they are reduced.
        held = self.budget.bytes // (8 * sequence.n_inputs * self.embeds.shape[1])
        return max(1, min(even(n_generated, round(count)), held, self.budget.items(0, 1)))

    def of_steps(self, score: Score, steps: slice, path: Points | None, tick: Callable[[int], None]) -> Tensor:
        """Gradients of the scores of the targets in `steps`. (g, n, D) over the first n inputs; the rest have none.

        Along a path, the sum over its points of weight · gradient there. `tick` is given how many gradients came in.
        """
        wanted = wanted_in(steps, self.asked)
        n_read = self.body.sequence.n_source + self.body.sequence.length(steps.stop)
        nothing = torch.empty((0, n_read, self.embeds.shape[1]), **self._like())
        return among(self._of(score, wanted, path, tick) if wanted else nothing, wanted, steps, n_read)

    def _of(self, score: Score, wanted: list[int], path: Points | None, tick: Callable[[int], None]) -> Tensor:
        """Gradients of the scores of the wanted targets. (len(wanted), n, D)"""
        n_points, n_targets = 1 if path is None else len(path), len(wanted)
        n_read = self.body.sequence.n_source + self.body.sequence.length(wanted[-1] + 1)
        size = self.budget.items(n_targets * n_read, n_targets, n_read)

        def work(start: int, stop: int) -> Tensor:
            return self._summed(score, wanted, (path, slice(start, stop)), tick)

        total: Tensor | None = None
        for _, _, part in in_chunks(n_points, size, work, outermost=False):
            total = part if total is None else total + part
        assert total is not None
        return total

    def _summed(
        self, score: Score, wanted: list[int], points: tuple[Points | None, slice], tick: Callable[[int], None]
    ) -> Tensor:
        """`_of` over some points of a path at once: one graph, walked back for as many targets as fit."""
        (path, chosen), sequence, steps = points, self.body.sequence, slice(wanted[0], wanted[-1] + 1)
        n_source, length = sequence.n_source, sequence.length(steps.stop)
        with torch.enable_grad():
            # A zero added to every point's embeddings: its gradient is the sum over the points.
            shift = torch.zeros((1, n_source + length, self.embeds.shape[1]), **self._like())
            source_shift = shift[:, :n_source].clone().requires_grad_()
            decoder_shift = shift[:, n_source:].clone().requires_grad_(self.with_decoder)
            with self.around():
                states = self.body.encode(self._points(path, chosen, slice(0, n_source), source_shift))  # (B, S, D)
                cut_states = None if states is None else states.detach().requires_grad_()
                embeds = self._points(path, chosen, slice(n_source, n_source + length), decoder_shift)  # (B, n, D)
                passed = self.body.decode(steps, embeds, states=cut_states, clean=path is None, tail=self.tail)
            weights = None if path is None else path.weights[chosen]
            device = self.embeds.device
            pairs, scale = cotangents(score, passed, self.body.sequence, steps, weights=weights, device=device)
            inputs = [part for part in (cut_states, decoder_shift) if part is not None and part.requires_grad]

            def walk_back(start: int, stop: int) -> Tensor:
                some = [target - steps.start for target in wanted[start:stop]]
                ones = [one_hot_cotangents(cotangent, some) for _, cotangent in pairs]
                parts = vjp([root for root, _ in pairs], ones, inputs)  # (g, B, S, D), (g, 1, n, D)
                if states is not None:
                    parts[0] = vjp([states], [parts[0]], [source_shift])[0]  # (g, 1, S, D)
                tick((stop - start) * len(embeds))
                return torch.cat([part[:, 0].to(self.embeds.device) for part in parts], 1)

            size = self.budget.items(len(embeds) * (n_source + length))
            chunks = in_chunks(len(wanted), size, walk_back, outermost=False)
            gradient = torch.cat([part for _, _, part in chunks])
        return gradient if scale is None else gradient * scale[[target - steps.start for target in wanted]]

    def _points(self, path: Points | None, chosen: slice, inputs: slice, shift: Tensor) -> Tensor:
        """The points at some inputs, with a zero `shift` (1, n, D) added whose gradient is the sum over the points.

        Where a path scales gradients, the zero is scaled first.
        """
        embeds = self.embeds.to(self._like()["dtype"])
        if path is None:
            return embeds[None, inputs] + shift
        scale = path.scale(chosen, embeds)
        return path.at(chosen, embeds)[:, inputs] + (shift if scale is None else scale[:, inputs] * shift)

    def _like(self) -> dict:
        # At least float32: points of a path, and sums over them, would lose digits in the model's own precision.
        wide = self.embeds.dtype if self.embeds.dtype == torch.float64 else torch.float32
        return {"dtype": wide, "device": self.embeds.device}


def _logit(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.gather(-1, targets.expand(logits.shape[:-1])[..., None])[..., 0]


def wanted_in(steps: slice, asked: tuple[bool, ...] | None) -> list[int]:
    """The targets of `steps` whose gradients are taken."""
    return [target for target in range(steps.start, steps.stop) if asked is None or asked[target]]


def among(part: Tensor, wanted: list[int], steps: slice, n_read: int) -> Tensor:
    """Gradients (len(wanted), n, D) among those of all targets in `steps`, which are NaN. (g, n_read, D)"""
    if len(wanted) == steps.stop - steps.start:
        return part
    spread = part.new_full((steps.stop - steps.start, n_read, *part.shape[2:]), torch.nan)
    rows = [target - steps.start for target in wanted]
    spread[rows] = 0  # what comes after the last wanted target has no influence
    spread[rows, : part.shape[1]] = part
    return spread


def cotangents(
    score: Score,
    passed: Passed,
    sequence: TokenSequence,
    steps: slice,
    *,
    weights: Sequence[float] | None = None,
    device: torch.device,
) -> tuple[list[tuple[Tensor, Tensor]], Tensor | None]:
    """Pairs of (tensor of the body's graph, its cotangent (B, g, D) times the points' weights), and a factor.

    float16 needs cotangents near 1, or small gradients vanish on the way down: there they are divided by the factor
    (g, 1, 1) on `device`, which is None otherwise.
    """
    values = evaluate(score, passed.logits, sequence, steps)  # (B, g)
    half = passed.leaf.dtype == torch.float16
    pairs = passed.pull(values.sum() * FP16_SCALE if half else values.sum())
    if weights is not None:
        factors = torch.tensor(weights, dtype=pairs[0][1].dtype, device=pairs[0][1].device)[:, None, None]
        pairs = [(root, cotangent * factors) for root, cotangent in pairs]
    if not half:
        return pairs, None
    sizes = [cotangent.float().abs().amax((0, 2)) for _, cotangent in pairs]
    size = torch.stack(sizes).amax(0).clamp_min(1e-30)  # (g,)
    pairs = [(root, (cotangent.float() / size[None, :, None]).to(cotangent.dtype)) for root, cotangent in pairs]
    return pairs, (size / FP16_SCALE)[:, None, None].to(device)
