"""One pass of the model over a forced sequence, with chosen embeddings, giving logits at chosen targets only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from transformers import Cache

from spaces_app.engine.chunks import Budget
from spaces_app.engine.hooks import cut, replaced, straight_activations
from spaces_app.engine.last_block import Tail, TailCut, tail_cut
from spaces_app.engine.progress import Progress, beating
from spaces_app.errors import NotSupported
from spaces_app.models.adapters import Adapter, LogitsOutput
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import ForcedIds, Score, TargetScore


@dataclass(frozen=True)
class Sequence:
    """A forced sequence as the model takes it.

    source: (1, S) ids an encoder reads, S = 0 for decoder-only models. decoder: (1, P+G-1) ids the decoder reads: the
    prompt and all generated tokens but the last, which nothing follows. targets: (G,) the generated ids; target g is
    predicted at decoder position P-1+g. The inputs of an attribution are source and decoder tokens in this order.
    """

    source: Tensor
    decoder: Tensor
    targets: Tensor

    @classmethod
    def of(cls, ids: ForcedIds, device: torch.device) -> Sequence:
        """From (source_ids, prompt_ids, generated_ids)."""
        source, prompt, generated = (
            torch.tensor([list(part)], dtype=torch.long, device=device).reshape(1, -1) for part in ids
        )
        return cls(source, torch.cat([prompt, generated[:, :-1]], 1), generated[0])

    @property
    def n_source(self) -> int:
        return self.source.shape[1]

    @property
    def n_decoder(self) -> int:
        return self.decoder.shape[1]

    @property
    def n_generated(self) -> int:
        return self.targets.shape[0]

    @property
    def n_prompt(self) -> int:
        return self.n_decoder - self.n_generated + 1

    @property
    def n_inputs(self) -> int:
        return self.n_source + self.n_decoder

    def length(self, stop: int) -> int:
        """How many decoder tokens stand before target `stop`, that is, what targets 0 … stop-1 depend on."""
        return self.n_prompt + stop - 1


def score_of(score: Score, steps: slice) -> TargetScore:
    """The score of the targets in `steps`: the score itself, or what its `at` gives."""
    return score.at(steps) if hasattr(score, "at") else score


def evaluate(score: Score, logits: Tensor, sequence: Sequence, steps: slice) -> Tensor:
    """The score of the targets in `steps` from their logits: (..., g, V) → (..., g).

    score(logits, targets) looks at each target alone. One that compares a target with something of its own, as
    contrastive ones do, has a method `at(steps)` which gives the score of those targets.
    """
    return score_of(score, steps)(logits, sequence.targets[steps].to(logits.device))


@dataclass(frozen=True)
class Passed:
    """What a pass gives: logits (B, g, V) in at least float32, and the two sides of the cut, each (B, g, D)."""

    logits: Tensor
    hidden: Tensor
    leaf: Tensor
    positions: slice
    tail: TailCut | None
    output: LogitsOutput = field(repr=False)

    def pull(self, total: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Pairs of (tensor of the body's graph, gradient of `total` there), each (B, g, D) at the targets' positions.

        `total` is a sum of scores, each of its own target. Nothing behind these tensors mixes targets, so one ordinary
        backward pass gives the gradients of all of them.
        """
        cotangent = torch.autograd.grad(total, self.leaf)[0]
        if self.tail is None:
            return [(self.hidden, cotangent)]
        return self.tail.pull(self.hidden, cotangent, self.positions)


@dataclass(frozen=True)
class Body:
    """The model, with passes over one sequence.

    `observe(steps, logits (g, V))` is told the logits of every pass over the sequence as it is, so that scores of the
    output come from passes that are made anyway. `progress` beats while a pass is under way.
    """

    adapter: Adapter
    sequence: Sequence
    observe: Callable[[slice, Tensor], None]
    progress: Progress

    def embed(self) -> Tensor:
        """Embeddings of all inputs as the modules give them. (S + P+G-1, D)"""
        with torch.no_grad():
            parts = [self.adapter.embedding(self.sequence.decoder)[0]]
            if self.sequence.n_source:
                parts.insert(0, self.adapter.source_embedding(self.sequence.source)[0].to(parts[0].device))
        return torch.cat(parts)

    def encode(self, embeds: Tensor | None = None) -> Tensor | None:
        """Encoder states of the source, (B, S, D), from embeddings (B, S, D); None for decoder-only models."""
        if not self.sequence.n_source:
            return None
        ids = self.sequence.source if embeds is None else self.sequence.source.expand(len(embeds), -1)
        with ExitStack() as stack:
            self._passing(stack)
            stack.enter_context(replaced(self.adapter.source_embedding, embeds))
            return self.adapter.encode(ids)

    def decode(
        self,
        steps: slice,
        embeds: Tensor | None = None,
        *,
        states: Tensor | None = None,
        cache: Cache | None = None,
        clean: bool = False,
        tail: Tail | None = None,
        attentions: bool = False,
    ) -> Passed:
        """Logits of the targets in `steps`; `clean` when embeddings and states are those of the sequence itself.

        embeds: (B, n, D) of the decoder tokens from the end of `cache` (0 without one) up to the last one needed; None
        leaves the model's own. states: (B, S, D). The pass is no longer than its last target needs.
        """
        sequence, first = self.sequence, 0
        if cache is not None:
            first = cache.get_seq_length()
        ids = sequence.decoder[:, first : sequence.length(steps.stop)]
        if embeds is not None:
            ids = ids.expand(len(embeds), -1)
        elif states is not None:
            ids = ids.expand(len(states), -1)
        start = sequence.n_prompt - 1 + steps.start - first
        positions = slice(start, start + steps.stop - steps.start)
        with ExitStack() as stack:
            self._passing(stack)
            behind = stack.enter_context(tail_cut(tail))
            stack.enter_context(replaced(self.adapter.embedding, embeds))
            ends = stack.enter_context(cut(self.adapter.head, positions))
            output = self.adapter.decode(ids, states=states, cache=cache, attentions=attentions)
        assert ends.hidden is not None and ends.leaf is not None  # `cut` raises where nothing passed
        logits = checked(output.logits)
        if clean:
            self.observe(steps, logits[0].detach())
        return Passed(logits, ends.hidden, ends.leaf, positions, behind, output)

    def _passing(self, stack: ExitStack) -> None:
        """What every pass is made within."""
        stack.enter_context(beating(self.adapter.blocks, self.progress))
        if torch.is_grad_enabled() and self.sequence.n_generated > 1:  # for one target, slopes are worth nothing
            stack.enter_context(straight_activations(self.adapter.model))


def checked(logits: Tensor) -> Tensor:
    """Logits in at least float32. Raises NotSupported where they overflow."""
    if logits.dtype not in (torch.float32, torch.float64):
        logits = logits.float()
    if not logits.amax().isfinite():  # one look at every number: NaN and +∞ both come out as the maximum
        raise NotSupported(
            "the model's output is not finite: its numbers overflow in this precision.",
            hint="Load it in float32 or bfloat16, or choose another model.",
            field="model",
        )
    return logits


class Run(Protocol):
    """A ForcedPass (engine/forced.py) as the parts see it that it is made of."""

    lm: LoadedModel
    body: Body
    sequence: Sequence
    embeds: Tensor
    budget: Budget
    tick: Progress
    attribute_prefix: bool

    @property
    def n_inputs(self) -> int: ...

    @property
    def n_generated(self) -> int: ...

    @property
    def encoder_decoder(self) -> bool: ...

    def scores(self, score: Score) -> Tensor: ...
