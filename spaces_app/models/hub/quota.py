"""How many downloads of models may begin within an hour, so that strangers cannot fill a server's disk and line."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from spaces_app.errors import ModelUnavailable

HOUR = 3600.0  # seconds


class Quota:
    """Counts what began within the last hour. Safe to call from many threads."""

    def __init__(self) -> None:
        self._begun: deque[float] = deque()
        self._lock = threading.Lock()

    def check(self, model: str, most: int) -> None:
        """Raises ModelUnavailable when `most` downloads have begun within the hour; counts nothing."""
        with self._lock:
            self._check(model, most)

    def take(self, model: str, most: int) -> None:
        """Count one that begins now. Raises ModelUnavailable when it would be one too many."""
        with self._lock:
            self._check(model, most)
            self._begun.append(time.monotonic())

    def _check(self, model: str, most: int) -> None:
        now = time.monotonic()
        while self._begun and now - self._begun[0] >= HOUR:
            self._begun.popleft()
        if most == 0:
            raise ModelUnavailable(
                f"{model!r:.100} is not on this disk, and no models are downloaded here.",
                hint="Choose a model that is here.", field="model",
            )  # fmt: skip
        if len(self._begun) >= most:
            minutes = math.ceil((self._begun[len(self._begun) - most] + HOUR - now) / 60)
            raise ModelUnavailable(
                f"{most} models have been downloaded here within an hour, and no more may be.",
                hint=f"Choose a model that is here, or try again in {minutes} minutes.", field="model",
            )  # fmt: skip
