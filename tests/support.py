"""Small things that several test modules use."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent


def no_tick(done: int, total: int, what: str) -> None:
    """Progress that nobody reads."""


def wait_for(coroutine: Coroutine):
    """What a coroutine returns, run in a thread of its own: the browser's driver keeps a loop running in this one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
