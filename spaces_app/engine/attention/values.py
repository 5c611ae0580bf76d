"""Value vectors: what attention moves from one token to another, its size, and what is missing without it.

A head's output is a weighted sum of value vectors, and the projection behind the heads is linear. So what attention
brings from token j to position i is known exactly: Σ_h α_hij · v_hj · W_h, with W_h the projection's rows for head h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import Cache
from transformers.utils import ModelOutput

from spaces_app.engine.attention.implementations import attending, plain
from spaces_app.engine.attention.sites import sites
from spaces_app.engine.chunks import in_chunks
from spaces_app.engine.forward import Run
from spaces_app.engine.hooks import BlockOutput
from spaces_app.engine.prefix import Prefix
from spaces_app.models.facts import blocks


def value_norms(run: Run, layers: tuple[int, ...], heads: tuple[int, ...]) -> Tensor:
    """‖Σ_h α_hij · v_hj · W_h‖ over the chosen heads, for every target position i. (L, G, n_inputs) on the CPU"""
    sequence, first = run.sequence, run.sequence.n_prompt - 1
    found = torch.zeros((len(layers), run.n_generated, run.n_inputs), dtype=torch.float32, device="cpu")
    chosen = {site.attention: site for site in sites(run.lm) if site.layer in layers}
    run.tick(0, 1, "Reading values")

    def attend(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
    ) -> tuple[Tensor, Tensor]:
        output, weights = plain(module)(module, query, key, value, mask, **options)
        if site := chosen.get(module):
            picked = list(heads)
            moved = _wide(site.moved(value, weights.shape[1]))[picked]
            columns = slice(0, sequence.n_source) if site.cross else slice(sequence.n_source, None)
            sizes = _norms(_wide(weights[0, picked, first:]), moved, run.budget.bytes)
            found[layers.index(site.layer), :, columns] = sizes.cpu().float()
        return output, weights

    with torch.no_grad():
        states = run.body.encode()
        with attending(run.lm.model, attend):
            run.body.decode(slice(0, run.n_generated), states=states, clean=True)
    run.tick(1, 1, "Reading values")
    return found


def zeroed(run: Run, layers: tuple[int, ...]) -> Tensor:
    """1 − cos between each target position's state after a layer, and the same state without one token's values.

    (L, G, n_inputs) on the CPU. Every layer on its own: what goes into it is unchanged. States are those that a model
    reports, the last layer's after the final norm. Of an encoder-decoder model, source tokens lose their values in
    cross-attention and output tokens in the decoder's attention to itself.
    """
    found = torch.zeros((len(layers), run.n_generated, run.n_inputs), dtype=torch.float32, device="cpu")
    sides = [True] if run.encoder_decoder else []
    sides += [False] if run.attribute_prefix or not run.encoder_decoder else []
    n_source, n_decoder = run.sequence.n_source, run.sequence.n_decoder
    total, done = sum(n_source if cross else n_decoder for cross in sides), 0
    sites(run.lm)
    run.tick(0, total, "Zeroing values")
    with torch.no_grad():
        states = run.body.encode()
        prefix = Prefix.of(run.body, states)
        for cross in sides:
            for tokens, begin in _runs(run, cross, prefix is not None):
                zeroing = _Zeroing(run, cross, layers, begin)

                def work(low: int, high: int, start: int = tokens.start, zeroing: _Zeroing = zeroing) -> Tensor:
                    cache = prefix.take(zeroing.begin, 1) if prefix is not None and zeroing.begin else None
                    return zeroing.of(slice(start + low, start + high), states, cache)

                for low, high, values in in_chunks(tokens.stop - tokens.start, tokens.stop - tokens.start, work):
                    offset = tokens.start + (0 if cross else n_source)
                    found[:, -values.shape[1] :, offset + low : offset + high] = values
                    done += high - low
                    run.tick(done, total, "Zeroing values")
    return found


def _runs(run: Run, cross: bool, prefixed: bool) -> Iterator[tuple[slice, int]]:
    """(tokens zeroed in one pass, decoder position where that pass begins), for all tokens of a side.

    Without a token's values nothing changes before it. Tokens of the prompt and the source concern all targets and
    share wide passes. Tokens of the output go in narrow ones, each shorter than the last: J tokens and n positions
    take n rows through whole blocks (12 d² weights) and n · J through what is behind attention (8 d²), of which
    J² / 2 change nothing; that is least per token at J = √(3 n).
    """
    sequence, first, start = run.sequence, run.sequence.n_prompt - 1, 0
    n_tokens = sequence.n_source if cross else sequence.n_decoder
    while start < n_tokens:
        begin = (first if cross else max(first, start)) if prefixed else 0
        length = sequence.n_decoder - begin
        size, stop = run.budget.items(length), n_tokens
        if prefixed and not cross and start > first:
            size = min(size, max(1, round((3 * (length + run.budget.calls)) ** 0.5)))
        elif prefixed and not cross:
            stop = first + 1
        yield slice(start, min(stop, start + size)), begin
        start = min(stop, start + size)


@dataclass
class _Zeroing:
    """Passes in which, at every chosen layer, copies of the sequence branch off, each without one token's values.

    The model itself runs on one row. Behind an attention's projection there are 1 + J rows: the sequence as it is, and
    J copies; they go through the rest of the block together, are compared at its end, and only the first goes on.
    """

    run: Run
    cross: bool
    layers: tuple[int, ...]
    begin: int
    found: dict[int, Tensor] = field(default_factory=dict)

    def of(self, tokens: slice, states: Tensor | None, cache: Cache | None) -> Tensor:
        """1 − cos for tokens of one side. (L, g, J), where the last target's row is the last."""
        n_generated = self.run.n_generated
        with self._branching(tokens):
            # Up to the last target, so that all positions are passed, and the head sees one.
            self.run.body.decode(slice(n_generated - 1, n_generated), states=states, cache=cache)
        return torch.stack([self.found[layer] for layer in self.layers])

    @contextmanager
    def _branching(self, tokens: slice) -> Iterator[None]:
        lm = self.run.lm
        missing: dict[nn.Module, Tensor] = {}
        chosen = {site.attention: site for site in sites(lm) if site.cross == self.cross and site.layer in self.layers}

        def attend(
            module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
        ) -> tuple[Tensor, Tensor]:
            output, weights = plain(module)(module, query, key, value, mask, **options)
            if site := chosen.get(module):
                moved = site.moved(value[:, :, tokens], weights.shape[1])  # (H, J, D)
                parts = weights[0, :, :, tokens].permute(2, 1, 0)  # (J, n, H)
                missing[site.projection] = torch.bmm(parts, moved.transpose(0, 1).to(parts.dtype))  # (J, n, D)
            return output, weights

        def branch(module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
            return torch.cat([output, output - missing.pop(module)])

        handles = [site.projection.register_forward_hook(branch) for site in chosen.values()]
        stack = blocks(lm.model.get_decoder())
        for layer in self.layers:
            if layer < len(stack) - 1:
                handles.append(stack[layer].register_forward_hook(self._at_block(layer)))
            else:
                handles.append(self._end(layer))
        try:
            with attending(lm.model, attend):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _end(self, layer: int) -> RemovableHandle:
        """The hook that compares the last layer's states, and how to take it off.

        Where the decoder ends, which is what models report; some transform it again on the way to the output layer.
        """
        decoder = self.run.lm.model.get_decoder()
        if decoder is not self.run.lm.model:
            return decoder.register_forward_hook(self._at_block(layer))
        return self.run.body.adapter.head.register_forward_pre_hook(self._at_head(layer))

    def _at_block(self, layer: int) -> Callable:
        def end(_module: nn.Module, _inputs: tuple, output: BlockOutput | ModelOutput) -> BlockOutput | ModelOutput:
            if isinstance(output, tuple):
                return (self._compared(layer, output[0]), *output[1:])
            if isinstance(output, ModelOutput):
                output["last_hidden_state"] = self._compared(layer, output["last_hidden_state"])
                return output
            return self._compared(layer, output)

        return end

    def _at_head(self, layer: int) -> Callable:
        def enter(_module: nn.Module, inputs: tuple) -> tuple:
            return (self._compared(layer, inputs[0]), *inputs[1:])

        return enter

    def _compared(self, layer: int, hidden: Tensor) -> Tensor:
        """Keeps 1 − cos of the copies and the sequence, from hidden (1 + J, n, D), and lets the sequence go on."""
        first = max(0, self.run.sequence.n_prompt - 1 - self.begin)
        # The difference is far smaller than the two cosines' rounding in float32.
        states = hidden[:, first:].double()
        dots = (states[1:] * states[:1]).sum(-1)
        sizes = states.norm(dim=-1)
        self.found[layer] = (1 - dots / (sizes[1:] * sizes[:1]).clamp_min(1e-300)).T.cpu().float()  # (g, J)
        return hidden[:1]


def _norms(weights: Tensor, moved: Tensor, n_bytes: int) -> Tensor:
    """‖Σ_h weights (H, G, m) · moved (H, m, D)‖ as (G, m), some tokens at a time."""
    n_heads, n_targets, n_tokens = weights.shape
    size = max(1, n_bytes // (2 * moved.element_size() * n_targets * moved.shape[2]))
    parts = []
    for start in range(0, n_tokens, size):
        some = slice(start, start + size)
        parts.append(torch.bmm(weights[:, :, some].permute(2, 1, 0), moved[:, some].transpose(0, 1)).norm(dim=-1))
    return torch.cat(parts).T


def _wide(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()
