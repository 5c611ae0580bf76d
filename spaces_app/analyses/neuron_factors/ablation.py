"""What happens without a factor: the model is run with the factor's neurons multiplied, and compared with as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spaces_app.analyses.neuron_factors.activation_table import Table
from spaces_app.analyses.neuron_factors.cards import heavy
from spaces_app.analyses.neuron_factors.spec import WRITTEN_WITHOUT, NeuronFactorsSpec
from spaces_app.analyses.shared.ids import Ids
from spaces_app.arrays import NamedArray
from spaces_app.engine.generate import generate
from spaces_app.engine.hooks import cut
from spaces_app.engine.progress import Progress, beating
from spaces_app.engine.states.activations import projections, scaled
from spaces_app.errors import NotSupported
from spaces_app.models.adapters import Adapter
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


MOST_WORDS = 10
COPIES = 4  # of the logits: as they are, without a factor, and their logarithms
Multiplied = dict[tuple[str, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Ablated:
    """by_factor: what a card tells of the factor with this number. arrays: `written`, where a factor was ablated."""

    by_factor: dict[int, dict] = field(default_factory=dict)
    arrays: dict[str, NamedArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation:
    """One text on one model, to be run with and without factors."""

    spec: NeuronFactorsSpec
    lm: LoadedModel
    ids: Ids
    tick: Tick
    budget: int

    def run(self, table: Table, h: np.ndarray) -> Ablated:
        """What each factor that the spec names does. h (k, m)"""
        numbers = self.spec.ablated()
        if not numbers:
            return Ablated()
        chosen = {number: heavy(h[number - 1], self.spec.ablate_share) for number in numbers}
        changes = [{}, *(multiplied(self.lm, table, chosen[n], self.spec.ablate_scale) for n in numbers)]
        written, kl, following = self._written(changes)
        texts = [self._continued(change) for change in changes]
        told = {
            number: {
                "factor": number,
                "about": _about(len(chosen[number]), self.spec.ablate_scale),
                "n_neurons": len(chosen[number]),
                "scale": self.spec.ablate_scale,
                **self._next(following[0], following[i]),
                "text_before": texts[0],
                "text_after": texts[i],
                "kl": [round(value, 6) for value in kl[i].tolist()],
            }
            for i, number in enumerate(numbers, 1)
        }
        n_source, n_tokens = len(self.ids[0]), sum(map(len, self.ids))
        values = np.full((len(changes), n_tokens), np.nan, np.float32)
        values[:, n_source + 1 :] = written.numpy()
        conditions = ("as_is", *(f"factor {number}" for number in numbers))
        axes = {"condition": conditions, "token": tuple(range(n_tokens))}
        return Ablated(told, {"written": NamedArray(values, axes, "probability")})

    def _written(self, changes: list[Multiplied]) -> tuple[Tensor, Tensor, Tensor]:
        """Under each change: the probability of every decoder token but the first, KL(as is ‖ changed) there, both
        (changes, N - 1), and the probabilities of what follows the prompt, (changes, V)."""
        lm, progress = self.lm, Progress(self.tick)
        source, decoder = (
            torch.tensor([list(part)], dtype=torch.long, device=lm.device)
            for part in (self.ids[0], (*self.ids[1], *self.ids[2]))
        )
        n = decoder.shape[1]
        size, asked = max(1, self.budget // (4 * COPIES * lm.facts.d_vocab)), len(self.ids[1]) - 1
        spans = [(start, min(n, start + size)) for start in range(0, n, size)]
        columns: list[Tensor] = []
        following: dict[int, Tensor] = {}
        for place, (start, stop) in enumerate(spans):
            targets = decoder[0, start + 1 : stop + 1].cpu()
            own: Tensor | None = None
            rows: list[Tensor] = []
            for i, change in enumerate(changes):
                progress(place * len(changes) + i, len(spans) * len(changes), "Running without factors")
                logs = self._logs(source, decoder, slice(start, stop), change, progress)
                own = logs if own is None else own
                if start <= asked < stop:
                    following[i] = logs[asked - start].exp()
                kept = len(targets)
                right = logs[:kept].gather(1, targets[:, None])[:, 0].exp()
                apart = (own.exp() * (own - logs))[:kept].nan_to_num(0.0).sum(1).clamp_min(0)
                rows.append(torch.stack([right, apart]))
            columns.append(torch.stack(rows))
        whole = torch.cat(columns, -1)  # (changes, 2, N - 1)
        return whole[:, 0], whole[:, 1], torch.stack([following[i] for i in range(len(changes))])

    def _logs(self, source: Tensor, decoder: Tensor, span: slice, change: Multiplied, progress: Progress) -> Tensor:
        """Logarithms of the probabilities of what follows each token of a span. (n, V) float32 on the CPU"""
        adapter = Adapter.of(self.lm)
        with torch.no_grad(), scaled(self.lm, change), beating(adapter.blocks, progress), cut(adapter.head, span):
            states = adapter.encode(source) if adapter.encoder_decoder else None
            logits = adapter.decode(decoder, states=states).logits[0]
        logs = logits.float().log_softmax(-1).cpu()
        if not torch.isfinite(logs.amax(-1)).all():
            raise NotSupported("the model's output is not finite without this factor.", field="ablate_scale")
        return logs

    def _continued(self, change: Multiplied) -> str:
        """What the model writes after the prompt, always taking the likeliest token; "" where it ends at once."""
        source, prompt, _ = self.ids
        try:
            with scaled(self.lm, change):
                ids = generate(self.lm, (source, prompt), max_new_tokens=WRITTEN_WITHOUT, tick=self.tick)
        except NotSupported as error:
            if error.field != "prompt":  # nothing but the end mark came out
                raise
            return ""
        tokens = self.lm.tokens((), prompt, ids)[len(prompt) :]
        return "".join(token.text for token in tokens if not token.special)

    def _next(self, before: Tensor, after: Tensor) -> dict[str, list[dict]]:
        """The words that are likeliest in one case or the other, with their probabilities in both, each (V,)."""
        count, prompt = min(MOST_WORDS, len(before)), self.ids[1][-1:]
        ids = sorted({i for row in (before, after) for i in row.topk(count).indices.tolist()})
        texts = {i: self.lm.tokens((), prompt, (i,))[-1].text for i in ids}
        return {
            name: sorted(
                ({"id": i, "text": texts[i], "p": round(float(row[i]), 6)} for i in ids), key=lambda word: -word["p"]
            )
            for name, row in (("before", before), ("after", after))
        }


def multiplied(lm: LoadedModel, table: Table, columns: np.ndarray, scale: float) -> Multiplied:
    """Factors for engine.activations.scaled: the neurons behind these columns times `scale`, the others as they are.

    Where a neuron's halves are columns of their own, only the half that is named is changed; else the whole neuron.
    """
    halves = any(sign == "-" for (_, _, sign), _ in table.blocks)
    chosen = np.zeros(table.values.shape[1], bool)
    chosen[columns] = True
    found: Multiplied = {}
    for (side, layer, sign), place in table.blocks:
        if not chosen[place].any():
            continue
        width = projections(lm, side)[layer].width
        both = [torch.ones(width, dtype=torch.float32, device="cpu") for _ in range(2)]
        pair = found.setdefault((side, layer), (both[0], both[1]))
        some = torch.from_numpy(chosen[place])
        for which in ("+", "-") if not halves else (sign,):
            pair["+-".index(which)][some] = scale
    return found


def _about(n_neurons: int, scale: float) -> str:
    what = "set to zero" if scale == 0 else f"multiplied by {scale:g}"
    plural = "neuron" if n_neurons == 1 else "neurons"
    return f"After the prompt, with the {n_neurons:,} heaviest {plural} of the factor {what}."
