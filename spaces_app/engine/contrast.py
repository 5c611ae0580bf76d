"""The other side of a comparison: tokens that stand at the same places, or a second forced run."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from collections.abc import Sequence as Ids

import torch
from torch import Tensor

from spaces_app.engine.chunks import Budget, in_chunks
from spaces_app.engine.forward import Body, Sequence
from spaces_app.engine.progress import Progress
from spaces_app.models.adapters import Adapter
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import ForcedIds, TargetScore, Tick


def align(ours: Ids[int], theirs: Ids[int]) -> tuple[int, ...]:
    """For each of our tokens the position of the one in `theirs` that it is compared with.

    Outputs of equal length: by position. Else the longest runs of equal ids are matched first, as `difflib` does;
    between two such runs tokens are paired by position, and those left over are compared with the last one there, or,
    where the other output has nothing there, with what comes next in it.
    """
    if len(ours) == len(theirs):
        return tuple(range(len(ours)))
    partners: list[int] = []
    blocks = difflib.SequenceMatcher(None, list(ours), list(theirs), autojunk=False).get_opcodes()
    for _, start, stop, their_start, their_stop in blocks:
        last = min(max(their_start, their_stop - 1), len(theirs) - 1)
        partners += [min(their_start + step, last) for step in range(stop - start)]
    return tuple(partners)


class OtherRun:
    """A second forced sequence, (source, prompt, generated) ids, whose logits are constants.

    partners: for each of G targets the position in its output that the target is compared with. `targets` (G,) are
    the tokens there. All logits are kept when they fit in a chunk, otherwise those last asked for.
    """

    def __init__(self, lm: LoadedModel, ids: ForcedIds, partners: Ids[int], *, chunk_mb: int = 256, tick: Tick):
        self.sequence = Sequence.of(ids, lm.device)
        self.partners = torch.tensor(list(partners), dtype=torch.long, device="cpu")
        self.targets = self.sequence.targets[self.partners.to(lm.device)]  # (G,)
        self.tick = Progress(tick)
        self.body = Body(Adapter.of(lm), self.sequence, lambda *_: None, self.tick)
        self.budget = Budget.of(lm, self.sequence.n_inputs, chunk_mb)
        self._whole = 4 * len(partners) * lm.facts.d_vocab <= chunk_mb * 2**20
        self._kept: tuple[slice, Tensor] | None = None

    def logits(self, steps: slice) -> Tensor:
        """Logits at the partners of the targets in `steps`. (g, V)"""
        wanted = slice(0, len(self.partners)) if self._whole else steps
        if self._kept is None or self._kept[0] != wanted:
            self._kept = (wanted, self._read(wanted))
        table = self._kept[1]
        return table[steps] if self._whole else table

    def _read(self, steps: slice) -> Tensor:
        partners = self.partners[steps]
        first, last = int(partners.min()), int(partners.max()) + 1
        with torch.no_grad():
            states = self.body.encode()

            def work(start: int, stop: int) -> Tensor:
                found = self.body.decode(slice(first + start, first + stop), states=states).logits[0]
                mine = (partners >= first + start) & (partners < first + stop)
                return found[(partners[mine] - first - start).to(found.device)]

            table: Tensor | None = None
            for start, stop, rows in in_chunks(last - first, self.budget.items(0, 1), work):
                if table is None:
                    table = torch.empty((len(partners), rows.shape[1]), dtype=rows.dtype, device=rows.device)
                mine = (partners >= first + start) & (partners < first + stop)
                table[mine.to(rows.device)] = rows
                self.tick(stop, last - first, "Reading the other run")
        assert table is not None
        return table


class Compared:
    """A score of two sides: fn(logits, targets, other_logits, other_targets), for `engine.forward.evaluate`.

    theirs: (G,) ids of the other tokens. other: the run their logits come from; None takes the same logits, so that
    both tokens are judged at the same place after the same words, and gradients go through both.
    """

    def __init__(self, fn: Callable[..., Tensor], theirs: Tensor, other: OtherRun | None = None):
        self.fn, self.theirs, self.other = fn, theirs, other

    def at(self, steps: slice) -> TargetScore:
        """The plain score of the targets in `steps`."""
        theirs = self.theirs[steps]
        constant = None if self.other is None else self.other.logits(steps)

        def score(logits: Tensor, targets: Tensor) -> Tensor:
            across = logits if constant is None else constant.to(logits.device, logits.dtype)
            values = self.fn(logits, targets, across, theirs.to(logits.device))
            return values.expand(logits.shape[:-1])

        return score


class Drawn:
    """A score that compares with draws made before: fn(logits, targets, draws (n, g)); draws: (n, G)."""

    def __init__(self, fn: Callable[..., Tensor], draws: Tensor):
        self.fn, self.draws = fn, draws

    def at(self, steps: slice) -> TargetScore:
        """The plain score of the targets in `steps`."""
        draws = self.draws[:, steps]
        return lambda logits, targets: self.fn(logits, targets, draws.to(logits.device, logits.dtype))


class Against:
    """A score against the likeliest token of another run: at the same place where it is another token than ours.

    fn and theirs as in `Compared`. Where both are the same token, which would leave nothing, its own number in the
    other run is taken, a constant.
    """

    def __init__(self, fn: Callable[..., Tensor], theirs: Tensor, other: OtherRun):
        self.fn, self.theirs, self.other = fn, theirs, other

    def at(self, steps: slice) -> TargetScore:
        """The plain score of the targets in `steps`."""
        theirs, constant = self.theirs[steps], self.other.logits(steps)

        def score(logits: Tensor, targets: Tensor) -> Tensor:
            against = theirs.to(logits.device)
            here = self.fn(logits, targets, logits, against)
            across = self.fn(logits, targets, constant.to(logits.device, logits.dtype), against)
            return torch.where(against == targets, across, here)

        return score
