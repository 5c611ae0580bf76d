"""A short sequence on which to find out, once per model, how a model is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from torch import nn

from spaces_app.engine.forward import Body, Sequence
from spaces_app.engine.progress import Progress
from spaces_app.errors import NotSupported
from spaces_app.models.adapters import Adapter
from spaces_app.models.loaded import LoadedModel

T = TypeVar("T")
N_SOURCE, N_DECODER = 5, 4  # different, so that a key's length tells which side it came from


def probe(lm: LoadedModel) -> Body:
    """Passes over a few ordinary tokens: N_SOURCE ids for an encoder, N_DECODER for the decoder, one target."""
    special = {lm.facts.pad_id, lm.facts.bos_id, lm.facts.unk_id, *lm.facts.eos_ids}
    ids = [token for token in range(lm.facts.d_vocab) if token not in special] or [0]
    ids = [ids[(7 * i + 3) % len(ids)] for i in range(N_SOURCE + N_DECODER + 1)]
    source = tuple(ids[:N_SOURCE]) if lm.facts.encoder_decoder else ()
    sequence = Sequence.of((source, tuple(ids[N_SOURCE:-1]), tuple(ids[-1:])), lm.device)
    return Body(Adapter.of(lm), sequence, lambda *_: None, Progress(lambda *_: None))


class FoundOut(Generic[T]):
    """What `find(lm)` tells of how a model is built, asked once per model, with the reason where it cannot be told.

    `otherwise` is that reason where `find` met something that it does not know; `offloaded` the one for a model that
    is only partly in memory.
    """

    def __init__(self, find: Callable[[LoadedModel], T], *, otherwise: str, offloaded: str):
        self._find, self._otherwise, self._offloaded = find, otherwise, offloaded
        self._known: WeakKeyDictionary[nn.Module, T | NotSupported] = WeakKeyDictionary()

    def of(self, lm: LoadedModel) -> T:
        """Raises NotSupported with the reason."""
        if lm.model not in self._known:
            try:
                self._known[lm.model] = self._find(lm)
            except NotSupported as error:
                self._known[lm.model] = error
            except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
                self._known[lm.model] = NotSupported(self._otherwise, field="method")
        known = self._known[lm.model]
        if isinstance(known, NotSupported):
            raise known
        return known

    def refusal(self, lm: LoadedModel) -> str:
        """The reason, or ""."""
        if getattr(lm, "placement", "") == "offload":
            return self._offloaded
        try:
            self.of(lm)
        except NotSupported as error:
            return error.message
        return ""
