"""Scores of many variants of a sequence, each with some input tokens replaced. Forward passes only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from spaces_app.engine.chunks import Budget, in_chunks
from spaces_app.engine.forward import Body, evaluate
from spaces_app.engine.prefix import Prefix

Score = Callable[[Tensor, Tensor], Tensor]
# Token rows per pass when a prefix is reused: wider chunks have shorter prefixes. 60 to 240 differ by 5 % at 14 M.
PREFIX_ROWS = 140


@dataclass(frozen=True)
class Rows:
    """Variants of one sequence. What stands before a row's first change is computed once, where the model allows."""

    body: Body
    embeds: Tensor
    budget: Budget
    tick: Callable[[int], None]

    def scores(self, score: Score, kept: Tensor, baseline: Tensor, clean: Callable[[Score], Tensor]) -> Tensor:
        """Scores of all targets in every variant. (R, G)

        kept: (R, n_inputs) bool, False where a variant has `baseline` (n_inputs, D) instead of the input's own
        embedding. A target before a row's first change keeps its `clean` score. `tick` is given the rows done.
        """
        sequence = self.body.sequence
        changed = ~kept
        in_source = changed[:, : sequence.n_source].any(1)
        first = _first(changed[:, sequence.n_source :])  # (R,), n_decoder where nothing changes
        late = ~in_source & (first < sequence.n_decoder)
        with torch.no_grad():
            states = self.body.encode()
            # A prefix saves half the rows of a pass at most, and takes two passes and more calls.
            pays = int(late.sum()) * sequence.n_decoder > 4 * (self.budget.calls + sequence.n_decoder)
            prefix = Prefix.of(self.body, states) if pays else None
            clean_scores = clean(score).to(self.embeds.device, torch.float32)
            result = clean_scores.expand(len(kept), -1).clone()
            done = 0
            for rows, reused in ((in_source, None), (late, prefix)):
                order = rows.nonzero()[:, 0]
                order = order[first[order].argsort(stable=True)]
                for part, steps, values in self._parts(score, (order, first, kept), baseline, (states, reused)):
                    result[part, steps] = values.to(result.dtype)
                    done += len(part)
                    self.tick(done)
        position = torch.arange(sequence.n_generated, device=first.device) + sequence.n_prompt - 1
        reached = in_source[:, None] | (position >= first[:, None])  # (R, G)
        return torch.where(reached, result, clean_scores)

    def _parts(self, score: Score, rows: tuple, baseline: Tensor, shared: tuple):
        """(row indices, targets reached, their scores) in chunks of rows that begin to differ at similar places."""
        order, first, kept = rows
        states, prefix = shared
        sequence = self.body.sequence
        start = 0
        while start < len(order):
            begin = int(first[order[start]]) if prefix is not None else 0
            reach = slice(max(0, begin - sequence.n_prompt + 1) if prefix is not None else 0, sequence.n_generated)
            length = sequence.n_decoder - begin + (0 if prefix is not None else sequence.n_source)
            size = self.budget.items(length, reach.stop - reach.start)
            if prefix is not None:
                size = min(size, max(1, max(PREFIX_ROWS, 2 * self.budget.calls) // length))
            batch = order[start : start + size]

            def work(low: int, high: int, batch=batch, reach=reach, begin=begin) -> Tensor:
                chosen = kept[batch[low:high]]
                return self._variants(score, reach, (chosen, baseline), (states, prefix, begin))

            for low, high, values in in_chunks(len(batch), len(batch), work):
                yield batch[low:high], reach, values
            start += len(batch)

    def _variants(self, score: Score, steps: slice, changes: tuple, shared: tuple) -> Tensor:
        kept, baseline = changes
        states, prefix, begin = shared
        n_source = self.body.sequence.n_source
        embeds = torch.where(kept[:, :, None], self.embeds, baseline)  # (R, n_inputs, D)
        if states is not None:
            changed = not bool(kept[:, :n_source].all())
            states = self.body.encode(embeds[:, :n_source]) if changed else states.expand(len(kept), -1, -1)
        cache = prefix.take(begin, len(kept)) if prefix is not None and begin > 0 else None
        return self._scored(score, steps, embeds[:, n_source + begin :], states=states, cache=cache)

    def _scored(self, score: Score, steps: slice, embeds: Tensor | None, **options) -> Tensor:
        logits = self.body.decode(steps, embeds, **options).logits
        values = evaluate(score, logits, self.body.sequence, steps)
        return values.to(self.embeds.device)


def _first(changed: Tensor) -> Tensor:
    """Index of the first True in each row, the row's length where there is none."""
    never = torch.ones((len(changed), 1), dtype=torch.bool, device=changed.device)
    return torch.cat([changed, never], 1).int().argmax(1)
