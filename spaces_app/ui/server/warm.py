"""When to import torch: after somebody has seen the page, and while nobody is waiting for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


QUIET = 2.0  # seconds without a request


class WarmUp:
    """ASGI middleware that calls `start` once, when the page has been fetched and then all has been quiet.

    Importing torch takes seconds and holds the interpreter for much of them; during the first paint that would be felt.
    """

    def __init__(self, app: ASGIApp, start: Callable[[], None]):
        self.app, self._start = app, start
        self._last, self._lock = 0.0, threading.Lock()
        self._thread: threading.Thread | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._last = time.monotonic()
            if scope["path"] == "/" and self._thread is None:
                self._begin()
        await self.app(scope, receive, send)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._wait, name="seqscope-warm-up", daemon=True)
                self._thread.start()

    def _wait(self) -> None:
        while (left := self._last + QUIET - time.monotonic()) > 0:
            time.sleep(left)
        self._start()
