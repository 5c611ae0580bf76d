"""Keys and values of the unchanged beginning of a sequence, reused by rows that change only what comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, EncoderDecoderCache

from spaces_app.engine.forward import Body
from spaces_app.models.adapters import Adapter

COMPARED = 4  # tokens; enough for a mistaken position, mask or window to show
Layers = list[tuple[Tensor, Tensor]]  # keys and values per layer, each (1, H, n, D_head)
_right: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # model → the longest decoder it was found right for


@dataclass(frozen=True)
class Prefix:
    """The clean run's keys and values: `own` of the decoder's tokens, `cross` of the source (empty without one)."""

    adapter: Adapter
    own: Layers
    cross: Layers

    @classmethod
    def of(cls, body: Body, states: Tensor | None) -> Prefix | None:
        """The prefix of a sequence, or None where a cache does not give the same numbers.

        Recurrent and convolutional models keep other things than keys and values, and some count positions
        differently; rather than know their names, the last tokens are computed both ways and compared, once for every
        model and length that is longer than those before.
        """
        steps, length = slice(0, body.sequence.n_generated), body.sequence.n_decoder
        try:
            with torch.no_grad():
                cache = body.adapter.new_cache(whole=True)
                clean = body.decode(steps, states=states, cache=cache, clean=True)
                prefix = cls(body.adapter, _layers(cache, "self"), _layers(cache, "cross"))
                if {key.shape[2] for key, _ in prefix.own} != {length}:
                    return None
                if length <= _right.get(body.adapter.model, 0):
                    return prefix
                first = max(length // 2, length - COMPARED)
                late = slice(max(0, first - body.sequence.n_prompt + 1), steps.stop)
                again = body.decode(late, states=states, cache=prefix.take(first, 1)).logits
        except (AttributeError, RuntimeError, TypeError, ValueError, IndexError):
            return None
        expected = clean.logits[:, late]
        tolerance = 1e-4 if clean.hidden.dtype in (torch.float32, torch.float64) else 0.1
        if (again - expected).abs().max() > tolerance * expected.abs().max():
            return None
        _right[body.adapter.model] = length
        return prefix

    def take(self, first: int, rows: int) -> Cache:
        """A cache of the first `first` decoder tokens, for `rows` rows."""
        own = DynamicCache()
        _fill(own, [(key[:, :, :first], value[:, :, :first]) for key, value in self.own], rows)
        if not self.cross:
            return own
        cross = DynamicCache()
        _fill(cross, self.cross, rows)
        return EncoderDecoderCache(own, cross)


def _fill(cache: DynamicCache, layers: Layers, rows: int) -> None:
    for index, (key, value) in enumerate(layers):
        cache.update(key.expand(rows, -1, -1, -1), value.expand(rows, -1, -1, -1), index)


def _layers(cache: Cache, part: str) -> Layers:
    if isinstance(cache, EncoderDecoderCache):
        cache = cache.self_attention_cache if part == "self" else cache.cross_attention_cache
    elif part == "cross":
        return []
    layers: list[Any] = cache.layers  # one that keeps other things has no keys: an error that `Prefix.of` knows
    return [(layer.keys, layer.values) for layer in layers]
