"""Other tokens in place of the sequence's own: which ones the model finds plausible, and what follows from them."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spaces_app.engine.chunks import in_chunks
from spaces_app.engine.forward import Body, Run
from spaces_app.engine.variants.variant_scores import Rows
from spaces_app.engine.variants.variants import Exchanged, encoded, logits_at
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import Score

EMBEDDINGS = 8192  # rows of the vocabulary looked at together


def marks(lm: LoadedModel) -> Callable[[int], bool]:
    """Whether an id means something to the model rather than to the reader: an end mark, a language tag."""
    facts, codec = lm.facts, getattr(lm, "codec", None)
    known = {facts.bos_id, facts.pad_id, facts.mask_id, *facts.eos_ids}
    return lambda token: token in known or (codec is not None and codec.special(token))


@dataclass(frozen=True)
class Exchange:
    """Variants of a forced pass with other ids at the same places. Tells no progress; its passes beat."""

    run: Run
    barred: Tensor  # (V,) bool: ids that never stand in for another

    @classmethod
    def of(cls, run: Run) -> Exchange:
        special = marks(run.lm)
        barred = [special(token) or token == run.lm.facts.unk_id for token in range(run.lm.facts.d_vocab)]
        return cls(run, torch.tensor(barred, dtype=torch.bool, device=run.embeds.device))

    @property
    def own(self) -> Tensor:
        """The ids of all inputs. (n_inputs,)"""
        sequence = self.run.sequence
        return torch.cat([sequence.source, sequence.decoder], 1)[0]

    def alternatives(self, count: int) -> tuple[Tensor, Tensor]:
        """(ids, their probabilities), each (n_inputs, k), of plausible tokens for each place, by rising id; on the CPU.

        What the model itself would have written there, given what stands before. It writes no source, nor a text's
        first token: for these, the tokens with the most similar embeddings (cosine), all alike.
        """
        count = min(count, int((~self.barred).sum()) - 1)
        if count < 1:
            raise ValueError("the vocabulary has no token to put in place of another")
        sequence, body = self.run.sequence, self.run.body
        parts = [self._written(body, count)]
        parts.insert(0, self._similar(body.adapter.embedding, sequence.decoder[0, :1], count))
        if sequence.n_source:
            parts.insert(0, self._similar(body.adapter.source_embedding, sequence.source[0], count))
        ids, weights = (torch.cat(tables).cpu() for tables in zip(*parts, strict=True))
        ids, order = ids.sort(1)
        return ids, weights.double().gather(1, order)

    def scores(self, score: Score, ids: Tensor | np.ndarray) -> Tensor:
        """Scores of every target in R variants. ids: (R, n_inputs) → (R, G)"""
        run = self.run
        ids = torch.as_tensor(ids, dtype=torch.long, device=run.embeds.device)
        return Rows(run.body, run.budget, lambda _done: None).scores(score, Exchanged(run.body, ids), run.scores)

    def ranks(self, ids: Tensor | np.ndarray, steps: Tensor | np.ndarray) -> Tensor:
        """How many tokens are likelier than a target, in R variants that each look at one target, `steps` (R,). (R,)

        ids: (R, n_inputs); what follows a row's target does not matter, so variants that begin alike share a pass.
        """
        run, device = self.run, self.run.embeds.device
        ids = torch.as_tensor(ids, dtype=torch.long, device="cpu")
        steps = torch.as_tensor(steps, dtype=torch.long, device="cpu")
        result = torch.zeros(len(ids), dtype=torch.long, device="cpu")
        groups, start = self._alike(ids, steps), 0
        with torch.no_grad():
            states = run.body.encode()
            while start < len(groups):
                length = run.sequence.length(int(steps[groups[start][0]]) + 1)
                most = max(len(group) for group in groups[start : start + run.budget.rows // length + 1])
                batch = groups[start : start + run.budget.items(run.sequence.n_source + length, most)]

                def work(low: int, high: int, batch: list[Tensor] = batch, length: int = length) -> Tensor:
                    rows = torch.nn.utils.rnn.pad_sequence(batch[low:high], batch_first=True, padding_value=-1)
                    places = torch.where(rows < 0, rows[:, :1], rows)  # (r, most): a short group repeats its first
                    return self._ranks(ids[rows[:, 0]].to(device), steps[places].to(device), length, states)

                for low, high, values in in_chunks(len(batch), len(batch), work):
                    for group, found in zip(batch[low:high], values.cpu(), strict=True):
                        result[group] = found[: len(group)]
                start += len(batch)
        return result

    def _alike(self, ids: Tensor, steps: Tensor) -> list[Tensor]:
        """Row numbers in groups whose first row, the longest, begins with each of the others; longest groups first."""
        sequence = self.run.sequence
        lengths = (sequence.n_source + sequence.n_prompt + steps).tolist()
        wanted = sorted(set(lengths))
        known: dict[bytes, list[int]] = {}
        groups: list[list[int]] = []
        for row in steps.argsort(descending=True, stable=True).tolist():
            beginnings, digest, begun = [], hashlib.blake2b(digest_size=16), 0
            for length in wanted[: bisect.bisect_right(wanted, lengths[row])]:
                digest.update(ids[row, begun:length].numpy().tobytes())
                beginnings.append(digest.digest())
                begun = length
            if beginnings[-1] not in known:
                groups.append([])
                for beginning in beginnings:
                    known.setdefault(beginning, groups[-1])
            known[beginnings[-1]].append(row)
        return [torch.tensor(group, dtype=torch.long, device="cpu") for group in groups]

    def _ranks(self, ids: Tensor, steps: Tensor, length: int, states: Tensor | None) -> Tensor:
        """ids: (r, n_inputs); steps: (r, g) → (r, g)"""
        sequence, body = self.run.sequence, self.run.body
        states = encoded(body, ids[:, : sequence.n_source], states)
        read = ids[:, sequence.n_source :][:, :length]
        logits = logits_at(body, read, sequence.n_prompt - 1 + steps, states=states)  # (r, g, V)
        mine = logits.gather(2, sequence.targets[steps].to(logits.device)[:, :, None])
        return (logits > mine).sum(2)

    def _written(self, body: Body, count: int) -> tuple[Tensor, Tensor]:
        """Alternatives for the decoder's second to last token from the distributions they were written from."""
        sequence, barred = body.sequence, self.barred
        before = sequence.n_prompt - 1  # tokens of the prompt that are written after another
        n_written = sequence.n_decoder - 1
        ids = torch.zeros((n_written, count), dtype=torch.long, device=barred.device)
        weights = torch.zeros((n_written, count), dtype=torch.float32, device=barred.device)
        with torch.no_grad():
            states = body.encode()

            def work(low: int, high: int) -> tuple[Tensor, Tensor]:
                # Targets are counted from the first generated one; those before it have negative numbers.
                logits = body.decode(slice(low - before, high - before), states=states).logits[0]
                logits = logits[:, : len(barred)].masked_fill(barred[: logits.shape[1]].to(logits.device), -torch.inf)
                own = sequence.decoder[0, low + 1 : high + 1].to(logits.device)
                best = logits.scatter(1, own[:, None], -torch.inf).topk(count, 1)
                return best.indices, best.values.softmax(1)

            for low, high, found in in_chunks(n_written, self.run.budget.items(0, 1), work):
                ids[low:high], weights[low:high] = (table.to(barred.device) for table in found)
        return ids, weights

    def _similar(self, embedding: nn.Module, own: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Alternatives for tokens `own` (n,) by the cosine of their embeddings."""
        with torch.no_grad():
            wanted = nn.functional.normalize(embedding(own[None])[0].float(), dim=-1)  # (n, D)
            likeness = []
            for start in range(0, len(self.barred), EMBEDDINGS):
                ids = torch.arange(start, min(start + EMBEDDINGS, len(self.barred)), device=own.device)
                table = nn.functional.normalize(embedding(ids[None])[0].float(), dim=-1)
                likeness.append(wanted @ table.T)
            found = torch.cat(likeness, 1)  # (n, V)
            found.masked_fill_(self.barred.to(found.device), -torch.inf).scatter_(1, own[:, None], -torch.inf)
            ids = found.topk(count, 1).indices
        return ids, torch.full(ids.shape, 1 / count, dtype=torch.float32, device=ids.device)
