"""What else a model could have written at each place, and two tokens' chances layer by layer. Runs in a lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from spaces_app.analyses.shared.ids import Ids
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.contrast import OtherRun
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.states.lens import lens
from spaces_app.errors import NotSupported
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


SHOWN = 10
BESIDE = 6  # tokens kept beside a map: the written one, mostly, and five others
QUANTITIES = ("probability_a", "rank_a", "probability_b", "rank_b")


@dataclass(frozen=True)
class Likeliest:
    """The likeliest next tokens at each place of a run: ids and probabilities (G, k), and the tokens for people."""

    ids: tuple[tuple[int, ...], ...]
    probabilities: np.ndarray
    tokens: list[list[dict]]

    def runners_up(self, generated: tuple[int, ...]) -> tuple[int, ...]:
        """For each generated token the likeliest one that is another. (G,)"""
        return tuple(next(i for i in row if i != ours) for row, ours in zip(self.ids, generated, strict=True))

    def array(self) -> NamedArray:
        """Probabilities over generated × rank."""
        axes = {"generated": positions(len(self.ids)), "rank": positions(self.probabilities.shape[1])}
        return NamedArray(self.probabilities, axes, "probability")


class TopKRecorder:
    """A score, the probability of the likeliest token, that notes the likeliest tokens of every target it looks at.

    Watched by a forced pass, it takes them from a pass that is made anyway.
    """

    def __init__(self, n_generated: int, count: int = BESIDE):
        self.count = count
        self.ids: list[list[int]] = [[]] * n_generated
        self.probabilities: list[list[float]] = [[]] * n_generated

    def at(self, steps: slice) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """The plain score of the targets in `steps`, for logits (g, V)."""

        def score(logits: torch.Tensor, _targets: torch.Tensor) -> torch.Tensor:
            top = logits.topk(min(self.count, logits.shape[-1]))
            likely = (top.values - logits.logsumexp(-1, keepdim=True)).exp()
            self.ids[steps], self.probabilities[steps] = top.indices.tolist(), likely.tolist()
            return likely[..., 0]

        return score

    def arrays(self) -> dict[str, NamedArray]:
        """Probabilities and ids over generated × rank; ids below 2^24 are exact in float32."""
        found = {"alternatives": (self.probabilities, "probability"), "alternative_ids": (self.ids, "id")}
        axes = {"generated": positions(len(self.ids)), "rank": positions(len(self.ids[0]))}
        return {name: NamedArray(np.array(rows), axes, unit) for name, (rows, unit) in found.items()}

    def tokens(self, lm: LoadedModel, ids: Ids) -> dict[str, dict]:
        """The tokens for people by their id as text: {"text", "special"}."""
        known = {token_id: _alone(lm, ids, token_id) for token_id in sorted({i for row in self.ids for i in row})}
        return {str(i): {"text": token["text"], "special": token["special"]} for i, token in known.items()}


def likeliest(lm: LoadedModel, ids: Ids, *, chunk_mb: int, tick: Tick, count: int = SHOWN) -> Likeliest:
    """The `count` likeliest tokens at each place of a forced run, by the model's own distribution."""
    n_generated = len(ids[2])
    run = OtherRun(lm, ids, range(n_generated), chunk_mb=chunk_mb, tick=tick)
    found, values = [], []
    size = max(1, chunk_mb * 2**20 // (8 * lm.facts.d_vocab))
    for start in range(0, n_generated, size):
        logits = run.logits(slice(start, min(n_generated, start + size)))
        top = logits.softmax(-1).topk(min(count, logits.shape[-1]))
        found += top.indices.tolist()
        values.append(top.values.float().cpu().numpy())
    texts = {token_id: _alone(lm, ids, token_id) for token_id in {i for row in found for i in row}}
    tokens = [[texts[token_id] for token_id in row] for row in found]
    return Likeliest(tuple(map(tuple, found)), np.concatenate(values), tokens)


def _alone(lm: LoadedModel, ids: Ids, token_id: int) -> dict:
    """A token as it would read after the prompt."""
    token = lm.tokens((), ids[1][-1:], (token_id,))[-1]
    return {"id": token.id, "text": token.text, "special": token.special}


def layer_curves(run: ForcedPass, theirs: torch.Tensor, other: ForcedPass | None, partners: tuple) -> NamedArray | None:
    """Chances of both tokens after every layer, as the model's own output layer reads them (the logit lens).

    theirs: (G,) ids of B; with a run of its own, `other`, B is looked up there, at its partners' places. Over layer ×
    quantity × generated, where layer 0 is the embeddings and rank 1 the likeliest. None for models that have no lens.
    """
    ours = run.sequence.targets[:, None]
    try:
        if other is None:
            both = lens(run, torch.cat([ours, theirs.to(ours.device)[:, None]], 1))
            a, b = ((both.probability[..., side], both.rank[..., side]) for side in (0, 1))
        else:
            here, there = lens(run, ours), lens(other, other.sequence.targets[:, None])
            a = here.probability[..., 0], here.rank[..., 0]
            b = there.probability[:, list(partners), 0], there.rank[:, list(partners), 0]
    except NotSupported:
        return None
    values = torch.stack([part.float() for part in (*a, *b)], 1).numpy()  # (L + 1, 4, G)
    axes = {"layer": positions(values.shape[0]), "quantity": QUANTITIES, "generated": positions(values.shape[2])}
    return NamedArray(values, axes, "")


def crossings(curves: NamedArray) -> list[int | None]:
    """For each token the first layer from which A stays likelier than B to the end; None where B is at the end."""
    ahead = curves.select(quantity="probability_a").values > curves.select(quantity="probability_b").values  # (L+1, G)
    stays = np.logical_and.accumulate(ahead[::-1])[::-1]
    return [int(np.argmax(column)) if column[-1] else None for column in stays.T]
