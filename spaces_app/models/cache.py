"""Models kept in memory and shared by all analyses, bounded by bytes."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from spaces_app.errors import AppError, Busy, Cancelled, TooLarge
from spaces_app.models import checks
from spaces_app.models.loaded import LoadedModel
from spaces_app.models.resolve import Source, fetch, megabytes, resolve
from spaces_app.settings import Settings
from spaces_app.types import Tick

NEGATIVE = 30.0  # seconds for which a failed load is not tried again
Key = tuple[str, str]  # id, exact revision


@dataclass
class _Entry:
    """A model under way (`model` is None) or ready. `n_bytes` is reserved before loading begins."""

    n_bytes: int
    model: LoadedModel | None = None
    users: int = 0
    used: float = 0.0


class ModelCache:
    """Lends models out. The least recently used go first when room is needed, never one that is in use.

    Safe to use from many threads: each model is loaded once, and its bytes are reserved before that.
    """

    def __init__(self, settings: Settings, *, loader: Callable[[Source, Settings, Tick], LoadedModel] | None = None):
        self._settings, self._loader = settings, loader
        self.budget = settings.model_mb * 2**20
        self._entries: dict[Key, _Entry] = {}
        self._failed: dict[Key, tuple[float, AppError]] = {}
        self._changed = threading.Condition()

    @contextmanager
    def lease(self, model: str, revision: str, tick: Tick) -> Iterator[LoadedModel]:
        """The model for the length of a `with` block. "" as revision means the present one.

        Raises what `resolve` and `load` raise; the same error again for half a minute without trying.
        """
        source = resolve(model, self._settings, revision=revision)
        key = (source.id, source.revision)
        entry = self._take(key, source, tick)
        try:
            assert entry.model is not None  # an entry is lent when it is ready
            yield entry.model
        finally:
            with self._changed:
                entry.users -= 1
                entry.used = time.monotonic()
                self._changed.notify_all()

    @property
    def n_bytes(self) -> int:
        """Bytes held or reserved."""
        with self._changed:
            return self._total()

    def loaded(self) -> list[Key]:
        """The models that are ready, least recently used first."""
        with self._changed:
            ready = [(entry.used, key) for key, entry in self._entries.items() if entry.model is not None]
        return [key for _, key in sorted(ready)]

    def _take(self, key: Key, source: Source, tick: Tick) -> _Entry:
        entry = self._join(key, tick)
        if entry is not None:
            return entry
        try:
            # Files first: only they tell how many bytes the model will take.
            source = fetch(source, self._settings, tick)
            self._reserve(key, _needed(source), tick)
            model = (self._loader or _load)(source, self._settings, tick)
        except BaseException as error:
            with self._changed:
                self._entries.pop(key, None)
                if isinstance(error, AppError) and not isinstance(error, Cancelled | Busy):
                    self._failed[key] = (time.monotonic(), error)
                self._changed.notify_all()
            raise
        with self._changed:
            entry = self._entries[key]
            entry.model, entry.n_bytes, entry.used = model, model.n_bytes, time.monotonic()
            self._evict(0)
            self._changed.notify_all()
        return entry

    def _join(self, key: Key, tick: Tick) -> _Entry | None:
        """A share in an entry that is ready, after waiting for one under way; None: the caller is to load it."""
        while True:
            with self._changed:
                since, error = self._failed.get(key, (float("-inf"), None))
                if error is not None and time.monotonic() - since < NEGATIVE:
                    raise error.with_traceback(None)
                entry = self._entries.get(key)
                if entry is None:
                    self._failed.pop(key, None)
                    self._entries[key] = _Entry(0, users=1)
                    return None
                if entry.model is not None:
                    entry.users += 1
                    return entry
                self._changed.wait(timeout=0.2)
            tick(0, 0, f"Loading {key[0]}")

    def _reserve(self, key: Key, n_bytes: int, tick: Tick) -> None:
        """Keep `n_bytes` for `key`, evicting idle models, or waiting until others are given back."""
        if n_bytes > self.budget:
            raise TooLarge(
                f"{key[0]!r} takes {megabytes(n_bytes)} in memory, more than the {megabytes(self.budget)} for models.",
                hint="Choose a smaller model.", field="model",
            )  # fmt: skip
        while True:
            with self._changed:
                if self._evict(n_bytes):
                    self._entries[key].n_bytes = n_bytes
                    return
                self._changed.wait(timeout=0.2)
            tick(0, 0, "Waiting for memory")

    def _evict(self, n_bytes: int) -> bool:
        """Drop idle models until `n_bytes` more fit; none when even dropping all of them would not do."""
        idle = sorted((entry.used, key) for key, entry in self._entries.items() if entry.model and not entry.users)
        if self._total() - sum(self._entries[key].n_bytes for _, key in idle) + n_bytes > self.budget:
            return False
        dropped = False
        while self._total() + n_bytes > self.budget:
            del self._entries[idle.pop(0)[1]]
            dropped = True
        if dropped:
            _release()
        return True

    def _total(self) -> int:
        return sum(entry.n_bytes for entry in self._entries.values())


def _load(source: Source, settings: Settings, tick: Tick) -> LoadedModel:
    from spaces_app.models.load import load

    return load(source, settings, tick)


def _needed(source: Source) -> int:
    assert source.path is not None  # it was fetched
    return checks.memory(checks.counts(source.path))


def _release() -> None:
    import torch

    gc.collect()  # models hold reference cycles, so their memory is not given back without
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
