"""Ways in which a sequence can differ from itself: embeddings replaced, tokens exchanged, tokens deleted.

Each gives the logits of the same targets in a chunk of variants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from transformers import Cache

from spaces_app.engine.forward import Body, checked
from spaces_app.engine.hooks import cut
from spaces_app.engine.progress import beating


class Variants(Protocol):
    """R variants of one sequence.

    changed: (R, n_inputs) bool. source_lengths: (R,), of what the encoder reads; only equal ones go together. back: how
    many tokens before its first change a variant's pass must begin. logits(rows, steps, …) → (r, g, V) of the targets
    in `steps` in the variants `rows`, given the states of the unchanged source and a cache of the unchanged beginning.
    """

    @property
    def changed(self) -> Tensor: ...

    @property
    def source_lengths(self) -> Tensor: ...

    @property
    def back(self) -> int: ...

    def logits(self, rows: Tensor, steps: slice, *, states: Tensor | None, cache: Cache | None) -> Tensor: ...


@dataclass(frozen=True)
class Replaced:
    """Where `kept` (R, n_inputs) is False, a variant has `baseline` (n_inputs, D) for the input's own embedding."""

    body: Body
    embeds: Tensor
    kept: Tensor
    baseline: Tensor
    back: int = 0

    @property
    def changed(self) -> Tensor:
        return ~self.kept

    @property
    def source_lengths(self) -> Tensor:
        return _same(self.body, len(self.kept), self.kept.device)

    def logits(self, rows: Tensor, steps: slice, *, states: Tensor | None, cache: Cache | None) -> Tensor:
        kept, n_source = self.kept[rows], self.body.sequence.n_source
        embeds = torch.where(kept[:, :, None], self.embeds, self.baseline)  # (r, n_inputs, D)
        if states is not None:
            changed = not bool(kept[:, :n_source].all())
            states = self.body.encode(embeds[:, :n_source]) if changed else states.expand(len(kept), -1, -1)
        return self.body.decode(steps, embeds[:, n_source + _cached(cache) :], states=states, cache=cache).logits


@dataclass(frozen=True)
class Exchanged:
    """Variants with other tokens at the same places. ids: (R, n_inputs), source first."""

    body: Body
    ids: Tensor
    back: int = 0

    @property
    def changed(self) -> Tensor:
        return self.ids != own_ids(self.body)

    @property
    def source_lengths(self) -> Tensor:
        return _same(self.body, len(self.ids), self.ids.device)

    def logits(self, rows: Tensor, steps: slice, *, states: Tensor | None, cache: Cache | None) -> Tensor:
        sequence, ids, begin = self.body.sequence, self.ids[rows], _cached(cache)
        states = encoded(self.body, ids[:, : sequence.n_source], states)
        read = ids[:, sequence.n_source :][:, begin : sequence.length(steps.stop)]
        start = sequence.n_prompt - 1 + steps.start - begin
        return logits_at(self.body, read, slice(start, start + steps.stop - steps.start), states=states, cache=cache)


@dataclass(frozen=True)
class Deleted:
    """Variants without the tokens where `kept` (R, n_inputs) is False: shorter sequences, in which the rest moves up.

    A target is then predicted from the last token left before it, so every row must keep one of the prompt, and one of
    the source where there is one. A pass begins one token before the first deletion, where that token may be.
    """

    body: Body
    kept: Tensor
    back: int = 1

    @property
    def changed(self) -> Tensor:
        return ~self.kept

    @property
    def source_lengths(self) -> Tensor:
        return self.kept[:, : self.body.sequence.n_source].sum(1)

    def logits(self, rows: Tensor, steps: slice, *, states: Tensor | None, cache: Cache | None) -> Tensor:
        sequence, kept, begin = self.body.sequence, self.kept[rows], _cached(cache)
        source, own = kept[:, : sequence.n_source], kept[:, sequence.n_source :]
        if states is not None:
            left = _packed(sequence.source, source)[:, : int(source[0].sum())]
            states = encoded(self.body, left, states)
        at = own.cumsum(1)[:, sequence.n_prompt - 1 :][:, steps] - 1  # (r, g): where each target is read now
        # Deleted tokens come last, where nobody looks back at them from; no padding, so no mask.
        ids = _packed(sequence.decoder, own)[:, begin : int(at.max()) + 1]
        return logits_at(self.body, ids, at - begin, states=states, cache=cache)


def logits_at(
    body: Body, ids: Tensor, positions: slice | Tensor, *, states: Tensor | None, cache: Cache | None = None
) -> Tensor:
    """Logits (r, g, V) at positions, a slice or (r, g), of decoder ids (r, n) after what `cache` holds."""
    with beating(body.adapter.blocks, body.progress), cut(body.adapter.head, positions):
        output = body.adapter.decode(ids, states=states, cache=cache)
    return checked(output.logits)


def encoded(body: Body, ids: Tensor, states: Tensor | None) -> Tensor | None:
    """Encoder states of source ids (r, S'): `states` where they are the sequence's own; None without an encoder."""
    if states is None:
        return None
    if ids.shape[1] == body.sequence.n_source and bool((ids == body.sequence.source).all()):
        return states.expand(len(ids), -1, -1)
    with beating(body.adapter.blocks, body.progress):
        return body.adapter.encode(ids)


def own_ids(body: Body) -> Tensor:
    """The ids of all inputs. (1, n_inputs)"""
    return torch.cat([body.sequence.source, body.sequence.decoder], 1)


def _packed(ids: Tensor, kept: Tensor) -> Tensor:
    """`ids` (1, n) in each row of `kept` (r, n), the kept ones first, both kinds in their own order. (r, n)"""
    order = (~kept).int().argsort(dim=1, stable=True)
    return ids.expand(len(kept), -1).gather(1, order.to(ids.device))


def _cached(cache: Cache | None) -> int:
    return 0 if cache is None else cache.get_seq_length()


def _same(body: Body, count: int, device: torch.device) -> Tensor:
    return torch.full((count,), body.sequence.n_source, dtype=torch.long, device=device)
