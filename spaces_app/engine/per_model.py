"""What was read of a loaded model a moment ago, so that the next question about it need not run the model again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from spaces_app.models.loaded import LoadedModel

MOST = 4  # entries; one on disk holds no memory, but the disk

_kept: WeakKeyDictionary[nn.Module, OrderedDict] = (
    WeakKeyDictionary()
)  # model → {key: (value, bytes)}, the oldest first


def remembered(lm: LoadedModel, key: Hashable, make: Callable[[], Any], *, budget: int = 2**28) -> tuple[Any, bool]:
    """(make(), False), or (what it gave when it was last asked for with this key and model, True).

    The last MOST values of each model are kept while they hold no more than `budget` bytes together, as their
    `n_bytes` say; they go with the model.
    """
    entries = _kept.setdefault(lm.model, OrderedDict())
    if key in entries:
        entries.move_to_end(key)
        return entries[key][0], True
    value = make()
    entries[key] = (value, getattr(value, "n_bytes", 0))
    while len(entries) > MOST or sum(n_bytes for _, n_bytes in entries.values()) > budget:
        entries.popitem(last=False)
    return value, False
