"""Paths from baselines to tokens that lead from word to word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from spaces_app.engine.forward import Run
from spaces_app.engine.variants.substitutions import marks

ROWS = 8192  # words of the vocabulary that are compared at once
HELD = 2**29  # bytes of embeddings up to which the vocabulary is kept; a larger one is looked up again at every step
WORKING = 2**26  # bytes that the distances of one chunk of tokens may take
SPARE = 8  # neighbours more than asked for, since quick distances may swap near ones


@dataclass(frozen=True)
class Vocabulary:
    """Words as a model reads them: embed(ids (k,) or a slice) → (k, D) float32, and how many there are."""

    embed: Callable[[Tensor | slice], Tensor]
    size: int
    device: torch.device

    @classmethod
    def of(cls, table: Tensor) -> Vocabulary:
        """The vocabulary of a table of embeddings (V, D)."""
        return cls(table.__getitem__, len(table), table.device)

    def parts(self) -> Iterator[Tensor]:
        """All embeddings in order, some at a time. (k, D)"""
        for start in range(0, self.size, ROWS):
            yield self.embed(slice(start, min(start + ROWS, self.size)))

    @cached_property
    def squares(self) -> Tensor:
        """The squared length of every embedding. (V,)"""
        return torch.cat([part.pow(2).sum(-1) for part in self.parts()])


def word_path(
    words: Vocabulary,
    ids: list[int],
    baseline: Tensor,
    *,
    special: Callable[[int], bool],
    n_points: int,
    n_neighbours: int,
    tick: Callable[[int], None] = lambda _done: None,
) -> Tensor:
    """Points from `baseline` (n, D) to the embeddings of `ids`, monotonic in every unit. (n_points, n, D)

    The greedy strategy of Sanyal & Ren (https://arxiv.org/abs/2108.13654): from the word, go again and again to the
    one of its nearest words that needs the least correction to lie between here and the baseline, and correct it; the
    last step is the baseline. A special token stays where it is until the last step, as does a token whose
    baseline is its own embedding. Paths of equal tokens are equal. `tick` is given how many tokens are done, at every
    step, and may raise to stop.
    """
    own = words.embed(torch.tensor(ids, dtype=torch.long, device=words.device))  # (n, D)
    moves = (own != baseline).any(-1).tolist()
    points = own.expand(n_points, -1, -1).clone()
    points[0] = baseline
    # A token that is not attributed has its own embedding for a baseline, and moves elsewhere: the place that moves.
    places = {token: place for place, token in enumerate(ids) if moves[place] and not special(token)}
    starts = list(places)
    width = max(words.size, (n_neighbours + SPARE) * baseline.shape[1])
    size = max(1, WORKING // (4 * width))
    for low in range(0, len(starts), size):
        chunk = starts[low : low + size]
        ends = baseline[[places[token] for token in chunk]]
        over = _words_between(words, chunk, ends, n_points - 1, n_neighbours, step=partial(tick, low))
        paths = dict(zip(chunk, _corrected(words, over, ends, n_points).unbind(1), strict=True))
        for place, token in enumerate(ids):
            if moves[place] and token in paths:
                points[:, place] = paths[token]
        tick(low + len(chunk))
    return points


def path_of(run: Run, baseline: Tensor, *, n_points: int, n_neighbours: int) -> Tensor:
    """`word_path` for all inputs of a ForcedPass, source and decoder each over the embeddings it reads."""
    sequence, adapter = run.sequence, run.body.adapter
    n_source, special, size = sequence.n_source, marks(run.lm), run.lm.facts.d_vocab
    wide = torch.float64 if baseline.dtype == torch.float64 else torch.float32
    sides = [(adapter.embedding, sequence.decoder, baseline[n_source:])]
    if n_source:
        sides.insert(0, (adapter.source_embedding, sequence.source, baseline[:n_source]))
    parts, before = [], 0
    run.tick(0, run.n_inputs, "Finding words on the way")
    for module, ids, end in sides:

        def embed(words: Tensor | slice, module: nn.Module = module) -> Tensor:
            if isinstance(words, slice):
                words = torch.arange(words.start, words.stop, dtype=torch.long, device=run.lm.device)
            with torch.no_grad():
                return module(words.to(run.lm.device)[None])[0].to(baseline.device, wide)

        def tick(done: int, before: int = before) -> None:
            run.tick(min(before + done, run.n_inputs), run.n_inputs, "Finding words on the way")

        words = Vocabulary(embed, size, baseline.device)
        if size * baseline.shape[1] * wide.itemsize <= HELD:
            words = Vocabulary.of(torch.cat(list(words.parts())))
        points = word_path(
            words,
            ids[0].tolist(),
            end.to(wide),
            special=special,
            n_points=n_points,
            n_neighbours=n_neighbours,
            tick=tick,
        )
        parts.append(points)
        before += ids.shape[1]
    return torch.cat(parts, 1)


def _words_between(
    words: Vocabulary, starts: list[int], ends: Tensor, count: int, n_neighbours: int, *, step: Callable[[], None]
) -> Tensor:
    """The words each path leads over from its start, at most `count`; -1 where no neighbour is left. (count, U)"""
    over = torch.full((count, len(starts)), -1, dtype=torch.long, device=words.device)
    over[0] = torch.tensor(starts, dtype=torch.long, device=words.device)
    going = torch.arange(len(starts), device=words.device)
    for place in range(1, count):
        step()
        here, end = words.embed(over[place - 1, going]), ends[going]  # (U, D)
        near, anchors = _nearest(words, over[place - 1, going], here, n_neighbours)  # (U, k), (U, k, D)
        barred = (anchors == end[:, None]).all(-1) | (near[None] == over[:place, going, None]).any(0)
        wrong = (anchors - _monotonic(anchors, here[:, None], end[:, None], count + 1)).pow(2).sum(-1)
        best = wrong.masked_fill_(barred, torch.inf).argmin(1, keepdim=True)
        free = ~barred.all(1)
        going, near, best = going[free], near[free], best[free]
        if not len(going):
            break
        over[place, going] = near.gather(1, best)[:, 0]
    return over


def _nearest(words: Vocabulary, own: Tensor, here: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(ids (U, k), embeddings (U, k, D)) of the words nearest to words (U,) at `here`, nearest first, not itself."""
    # |x|² − 2 x·h, the squared distance but for a constant: one matrix product, of which the first digits are right.
    distances = words.squares - 2 * torch.cat([here @ part.T for part in words.parts()], 1)  # (U, V)
    distances.scatter_(1, own[:, None], torch.inf)
    most = min(count + SPARE, words.size - 1)
    near = distances.topk(most, largest=False).indices.sort(dim=1).values
    anchors = words.embed(near.reshape(-1)).reshape(*near.shape, -1)
    exact = (anchors - here[:, None]).pow(2).sum(-1)
    order = exact.sort(dim=1, stable=True).indices[:, : min(count, most)]
    return near.gather(1, order), anchors.gather(1, order[..., None].expand(-1, -1, anchors.shape[2]))


def _monotonic(anchors: Tensor, here: Tensor, end: Tensor, n_points: int) -> Tensor:
    """Anchors with every unit that is not between here and the end set a small step from here to there."""
    low, high = torch.minimum(here, end), torch.maximum(here, end)
    return torch.where((anchors >= low) & (anchors <= high), anchors, here - (here - end) / n_points)


def _corrected(words: Vocabulary, over: Tensor, ends: Tensor, n_points: int) -> Tensor:
    """The points of each path, baseline first. (n_points, U, D)

    A path that ran out of words stays at the baseline, which is monotonic itself.
    """
    points = [words.embed(over[0])]
    for step in over[1:]:
        going = (step >= 0)[:, None]
        points.append(torch.where(going, _monotonic(words.embed(step.clamp_min(0)), points[-1], ends, n_points), ends))
    return torch.stack([*points, ends]).flip(0)
