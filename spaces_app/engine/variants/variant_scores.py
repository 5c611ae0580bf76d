"""Scores of many variants of a sequence, chunk by chunk. Forward passes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from spaces_app.engine.chunks import Budget, in_chunks
from spaces_app.engine.forward import Body, evaluate
from spaces_app.engine.prefix import Prefix
from spaces_app.engine.variants.variants import Variants
from spaces_app.types import Score

# Token rows per pass when a prefix is reused: wider chunks have shorter prefixes. 60 to 240 differ by 5 % at 14 M.
PREFIX_ROWS = 140
WASTE = 1 / 16  # of a row may be computed again for the sake of a wider chunk


@dataclass(frozen=True)
class Rows:
    """Variants of one sequence. What stands before a row's first change is computed once, where the model allows."""

    body: Body
    budget: Budget
    tick: Callable[[int], None]

    def scores(self, score: Score, variants: Variants, clean: Callable[[Score], Tensor]) -> Tensor:
        """Scores of all targets in every variant. (R, G)

        A target before a row's first change keeps its `clean` score. `tick` is given the rows done.
        """
        sequence, changed = self.body.sequence, variants.changed
        in_source = changed[:, : sequence.n_source].any(1)
        first = _first(changed[:, sequence.n_source :])  # (R,), n_decoder where nothing changes
        late = ~in_source & (first < sequence.n_decoder)
        with torch.no_grad():
            states = self.body.encode()
            # A prefix takes two passes and more calls, and saves what stands before the first changes.
            pays = int(first[late].sum()) > 2 * (self.budget.calls + sequence.n_decoder)
            prefix = Prefix.of(self.body, states) if pays else None
            clean_scores = clean(score).to(changed.device, torch.float32)
            result = clean_scores.expand(len(changed), -1).clone()
            done = int((~in_source & ~late).sum())
            for rows, reused in ((in_source, None), (late, prefix)):
                order = rows.nonzero()[:, 0]
                order = order[first[order].argsort(stable=True)]
                order = order[variants.source_lengths[order].argsort(stable=True)]
                for part, steps, values in self._parts(score, (order, first), variants, (states, reused)):
                    result[part, steps] = values.to(result.device, result.dtype)
                    done += len(part)
                    self.tick(done)
        position = torch.arange(sequence.n_generated, device=first.device) + sequence.n_prompt - 1
        reached = in_source[:, None] | (position >= first[:, None])  # (R, G)
        return torch.where(reached, result, clean_scores)

    def _parts(
        self, score: Score, rows: tuple[Tensor, Tensor], variants: Variants, shared: tuple[Tensor | None, Prefix | None]
    ) -> Iterator[tuple[Tensor, slice, Tensor]]:
        """(row indices, targets reached, their scores) in chunks of rows that begin to differ at similar places."""
        order, first = rows
        states, prefix = shared
        sequence = self.body.sequence
        start = 0
        while start < len(order):
            begin, reach = 0, slice(0, sequence.n_generated)
            if prefix is not None:
                change = int(first[order[start]])
                begin = max(0, change - variants.back)
                reach = slice(max(0, change - sequence.n_prompt + 1), sequence.n_generated)
            batch = self._batch(order[start:], first, (begin, reach), variants, prefix is not None)

            def work(low: int, high: int, batch: Tensor = batch, reach: slice = reach, begin: int = begin) -> Tensor:
                part = batch[low:high]
                cache = prefix.take(begin, len(part)) if prefix is not None and begin > 0 else None
                logits = variants.logits(part, reach, states=states, cache=cache)
                return evaluate(score, logits, sequence, reach)

            for low, high, values in in_chunks(len(batch), len(batch), work):
                yield batch[low:high], reach, values
            start += len(batch)

    def _batch(
        self, order: Tensor, first: Tensor, span: tuple[int, slice], variants: Variants, prefixed: bool
    ) -> Tensor:
        """The rows of `order` that go together, from its start."""
        sequence, (begin, reach) = self.body.sequence, span
        length = sequence.n_decoder - begin + (0 if prefixed else sequence.n_source)
        batch = order[: self.budget.items(length, reach.stop - reach.start)]
        lengths = variants.source_lengths[batch]
        batch = batch[: int((lengths == lengths[0]).sum())]
        if prefixed:
            narrow = max(1, max(PREFIX_ROWS, 2 * self.budget.calls) // length)
            counts = torch.arange(1, len(batch) + 1, device=first.device)
            again = (first[batch] - first[batch[0]]).cumsum(0) / counts  # tokens before the change, per row
            batch = batch[: max(narrow, int((again <= WASTE * length).sum()))]
        return batch


def _first(changed: Tensor) -> Tensor:
    """Index of the first True in each row, the row's length where there is none."""
    never = torch.ones((len(changed), 1), dtype=torch.bool, device=changed.device)
    return torch.cat([changed, never], 1).int().argmax(1)
