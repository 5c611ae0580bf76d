"""The forced pass: one sequence, teacher-forced, and the questions a method may put to it.

Decoder-only and encoder-decoder models look the same from here: the inputs are all tokens the model reads, source
first; the targets are the generated tokens. Scores computed here are exact for models that read from left to right,
because a target then depends on nothing that comes after it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from spaces_app.engine import baselines
from spaces_app.engine.attention.values import value_norms, zeroed
from spaces_app.engine.backward.gradients import Gradients, Points
from spaces_app.engine.backward.paths import Path
from spaces_app.engine.chunks import Budget, in_chunks
from spaces_app.engine.forward import Body, Sequence, evaluate
from spaces_app.engine.hooks import showing_attention
from spaces_app.engine.progress import Progress
from spaces_app.engine.relevance.propagation import Started, relevance_rules
from spaces_app.engine.variants.substitutions import Exchange, marks
from spaces_app.engine.variants.variant_scores import Rows
from spaces_app.engine.variants.variants import Deleted, Replaced, Variants
from spaces_app.errors import NotSupported
from spaces_app.models.adapters import Adapter
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import Score, Tick

_causal: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()  # model → whether it reads from left to right


def _silent(_done: int, _total: int, _what: str) -> None:
    pass


class ForcedPass:
    """A sequence of source, prompt and generated ids on one model.

    `n_inputs` is S + P + G - 1: the last generated token is nobody's input. `attribute_prefix` False explains by the
    source (encoder-decoder) or the prompt (decoder-only) alone. `tick` hears of progress and may raise to stop.
    `watch` names scores that will be asked for: they are taken from whatever pass is made over the sequence as it is.
    `asked` (G booleans) spares the gradients of the other targets, which are NaN.
    """

    def __init__(
        self,
        lm: LoadedModel,
        ids: tuple,
        *,
        attribute_prefix: bool = True,
        chunk_mb: int = 256,
        watch: Iterable[Score] = (),
        asked: Iterable[bool] | None = None,
        tick: Tick = _silent,
    ):
        if not ids[2]:
            raise ValueError("there is no generated token to explain")
        self.lm, self.tick = lm, Progress(tick)
        self.sequence = Sequence.of(ids, lm.device)
        self.body = Body(Adapter.of(lm), self.sequence, self._observe, self.tick)
        self.embeds = self.body.embed()  # (n_inputs, D)
        self.budget = Budget.of(lm, self.sequence.n_inputs, chunk_mb)
        self.attribute_prefix = attribute_prefix
        self.asked = None if asked is None else tuple(asked)
        self._scores: dict[Score, list[float | None]] = {}
        self.watch(watch)
        self._check_causal()

    @property
    def n_inputs(self) -> int:
        return self.sequence.n_inputs

    @property
    def n_generated(self) -> int:
        return self.sequence.n_generated

    @property
    def encoder_decoder(self) -> bool:
        return self.sequence.n_source > 0

    def attributed(self) -> Tensor:
        """Which inputs get scores. (n_inputs,) bool"""
        inputs = torch.ones(self.n_inputs, dtype=torch.bool)
        if not self.attribute_prefix:
            inputs[self.sequence.n_source or self.sequence.n_prompt :] = False
        return inputs

    def before(self) -> Tensor:
        """Whether input i is read before target g is written. (G, n_inputs) bool"""
        decoder = torch.arange(self.sequence.n_decoder) - self.sequence.n_prompt + 1
        ours = decoder[None] <= torch.arange(self.n_generated)[:, None]
        source = torch.ones((self.n_generated, self.sequence.n_source), dtype=torch.bool)
        return torch.cat([source, ours], 1)

    def watch(self, scores: Iterable[Score]) -> None:
        """From now on, take these scores too from whatever pass is made over the sequence as it is."""
        for score in scores:
            self._scores.setdefault(score, [None] * self.n_generated)

    def scores(self, score: Score) -> Tensor:
        """The score of every target. (G,) on the CPU; taken from earlier passes where there were any."""
        self.watch([score])
        if None in self._scores[score]:
            size = self.budget.items(0, 1)
            with torch.no_grad():
                states = self.body.encode()

                def work(start: int, stop: int) -> None:
                    self.body.decode(slice(start, stop), states=states, clean=True)

                for _, done, _ in in_chunks(self.n_generated, size, work):
                    self.tick(done, self.n_generated, "Reading the output")
        return torch.tensor(self._scores[score], dtype=torch.float64, device="cpu")

    def baseline(self, name: str) -> Tensor:
        """Embeddings with every attributed token absent. (n_inputs, D)

        End marks and what starts a decoder (its start token, a language tag) keep their own embedding: they are part
        of the model's form, not of the text.
        """
        name = baselines.resolve(self.lm, name)
        adapter, n_source = self.body.adapter, self.sequence.n_source
        result = self.embeds.clone()
        absent = self.attributed().to(result.device)
        ids = torch.cat([self.sequence.source, self.sequence.decoder], 1)[0].to(result.device)
        for end in self.lm.facts.eos_ids:
            absent &= ids != end
        if n_source:
            absent[n_source : n_source + self.sequence.n_prompt] = False
            source = absent.clone()
            source[n_source:] = False
            result[source] = baselines.vector(self.lm, name, adapter.source_embedding, self.embeds)
            absent[:n_source] = False
        if absent.any():
            result[absent] = baselines.vector(self.lm, name, adapter.embedding, self.embeds)
        return result

    def gradients(
        self,
        score: Score,
        *,
        path: tuple[Tensor, tuple[float, ...], tuple[float, ...]] | Points | None = None,
        around: Callable[[], AbstractContextManager] = nullcontext,
    ) -> Iterator[tuple[slice, Tensor]]:
        """(targets, gradients of their scores) in chunks: (g, n, D) over the first n inputs; later ones have none.

        Along a path of (baseline (n_inputs, D), nodes, weights), the weighted sum of the gradients at the points
        baseline + node · (embeds − baseline); engine/paths.py has other paths. Passes are made within `around()`, which
        may change how they are differentiated. Never holds more than a chunk.
        """
        path = Path(*path) if isinstance(path, tuple) else path
        with_decoder = self.attribute_prefix or not self.encoder_decoder
        shared = Gradients.of(self.body, self.embeds, self.budget, with_decoder=with_decoder)
        shared = dataclasses.replace(shared, around=around, asked=self.asked)
        n_points = 1 if path is None else len(path)
        total, done = (self.n_generated if self.asked is None else sum(self.asked)) * n_points, 0

        def work(start: int, stop: int) -> Tensor:
            def came_in(count: int) -> None:
                nonlocal done
                done = min(total, done + count)
                self.tick(done, total, "Following gradients")

            return shared.of_steps(score, slice(start, stop), path, came_in)

        self.watch([score])
        self.tick(0, total, "Following gradients")
        for start, stop, gradient in in_chunks(self.n_generated, shared.chunk(n_points), work):
            yield slice(start, stop), gradient

    def replaced(self, score: Score, kept: Tensor | np.ndarray, baseline: Tensor) -> Tensor:
        """Scores of every target in each of R variants of the input. (R, G)

        kept: (R, n_inputs) booleans; where False, the variant has the embedding from `baseline` (n_inputs, D).
        """
        kept = torch.as_tensor(kept, dtype=torch.bool, device=self.embeds.device)
        return self._variants(score, Replaced(self.body, self.embeds, kept, baseline), "Replacing tokens")

    def deletable(self) -> Tensor:
        """Which attributed inputs can leave the sequence: not special tokens, nor what starts a decoder. (n_inputs,)"""
        special, sequence = marks(self.lm), self.sequence
        ids = torch.cat([sequence.source, sequence.decoder], 1)[0].tolist()
        free = torch.tensor([not special(token) for token in ids], dtype=torch.bool, device="cpu")
        if self.encoder_decoder:
            free[sequence.n_source : sequence.n_source + sequence.n_prompt] = False
        return free & self.attributed()

    def deleted(self, score: Score, kept: Tensor | np.ndarray) -> Tensor:
        """Scores of every target in each of R variants with tokens taken out, so that later ones move up. (R, G)

        kept: (R, n_inputs) booleans. What is not `deletable` stays whatever `kept` says. Something must be read before
        the first target, and by an encoder: where nothing would be left, the last token there stays.
        """
        kept = torch.as_tensor(kept, dtype=torch.bool, device=self.embeds.device)
        kept = kept | ~self.deletable().to(kept.device)
        n_source, n_prompt = self.sequence.n_source, self.sequence.n_prompt
        for start, stop in ((0, n_source), (n_source, n_source + n_prompt)):
            if stop > start:
                kept[:, stop - 1] |= ~kept[:, start:stop].any(1)
        return self._variants(score, Deleted(self.body, kept), "Deleting tokens")

    def exchange(self) -> Exchange:
        """Variants with other tokens at the same places, and which tokens are plausible there."""
        return Exchange.of(self)

    def attentions(self) -> tuple[list[Tensor], list[Tensor]]:
        """Attention weights per layer: of the decoder to itself, (H, n, n), and to the source, (H, n, S) or none.

        Row i is where position i looks; target g is predicted at position P-1+g. Raises NotSupported for layers that
        show no weights.
        """
        self.tick(0, 1, "Reading attention")
        steps = slice(0, self.n_generated)
        with torch.no_grad(), showing_attention(self.lm.model):
            output = self.body.decode(steps, states=self.body.encode(), clean=True, attentions=True).output
        names = ("decoder_attentions", "cross_attentions") if self.encoder_decoder else ("attentions",)
        layers = [getattr(output, name, None) or () for name in names]
        if any(not part or any(getattr(weights, "ndim", 0) != 4 for weights in part) for part in layers):
            raise NotSupported("this model does not show its attention weights.", field="method")
        own, cross = [[weights[0] for weights in part] for part in layers + [()]][:2]
        self.tick(1, 1, "Reading attention")
        return own, cross

    def encoder_attentions(self) -> list[Tensor]:
        """Attention weights of the encoder per layer, (H, S, S); none without an encoder."""
        if not self.encoder_decoder:
            return []
        with torch.no_grad(), showing_attention(self.lm.model):
            output = self.lm.model.get_encoder()(input_ids=self.sequence.source, output_attentions=True)
        return [weights[0] for weights in output.attentions]

    def value_norms(self, layers: tuple[int, ...], heads: tuple[int, ...]) -> Tensor:
        """Norm of what the chosen heads bring from each input, per layer. (L, G, n_inputs); see engine/values.py"""
        return value_norms(self, layers, heads)

    def zeroed_values(self, layers: tuple[int, ...]) -> Tensor:
        """How far each target's state turns without an input's values in a layer. (L, G, n_inputs), 1 − cos"""
        return zeroed(self, layers)

    def relevance(self) -> AbstractContextManager[None]:
        """Within, gradients times embeddings are relevance by the rules of AttnLRP; see engine/relevance.py."""
        return relevance_rules(self.lm)

    def started(self, score: Score) -> Started:
        """The score, noting the relevance that each target starts with when its gradient is taken."""
        return Started(score, self.n_generated)

    def collect(self, parts: Iterable[tuple[slice, Tensor]]) -> Tensor:
        """One array from chunks of (targets, values (g, n, …)): (G, n_inputs, …) on the CPU.

        NaN where an input is not attributed or not read before the target.
        """
        table: Tensor | None = None
        for steps, values in parts:
            if table is None:
                shape = (self.n_generated, self.n_inputs, *values.shape[2:])
                table = torch.full(shape, torch.nan, dtype=values.dtype, device="cpu")
            table[steps, : values.shape[1]] = values.cpu()
        assert table is not None
        table[~(self.before() & self.attributed())] = torch.nan
        return table

    def _variants(self, score: Score, variants: Variants, what: str) -> Tensor:
        total = len(variants.changed)
        self.tick(0, total, what)
        self.watch([score])
        return Rows(self.body, self.budget, lambda done: self.tick(done, total, what)).scores(
            score, variants, self.scores
        )

    def _observe(self, steps: slice, logits: Tensor) -> None:
        """Takes every watched score that is still missing from the logits (g, V) of a pass over the clean sequence."""
        with torch.no_grad():
            for score, values in self._scores.items():
                if None in values[steps]:
                    values[steps] = evaluate(score, logits, self.sequence, steps).tolist()

    def _check_causal(self) -> None:
        """Raises NotSupported for a model whose first target changes when later tokens follow it."""
        model = self.lm.model
        if model not in _causal and self.n_generated > 1:
            with torch.no_grad():
                states = self.body.encode()
                alone = self.body.decode(slice(0, 1), states=states).logits
                among = self.body.decode(slice(0, self.n_generated), states=states).logits[:, :1]
            tolerance = 1e-3 if alone.dtype == torch.float32 and self.lm.dtype == torch.float32 else 0.1
            _causal[model] = bool((alone - among).abs().max() <= tolerance * among.abs().max().clamp_min(1e-6))
        if not _causal.get(model, True):
            raise NotSupported("this model reads in both directions; only left-to-right writers can be explained.")
