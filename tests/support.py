"""Small things that several test modules use."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent


def no_tick(done: int, total: int, what: str) -> None:
    """Progress that nobody reads."""
