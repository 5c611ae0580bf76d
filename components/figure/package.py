"""How a component's package gives its class without importing Gradio before the class is used. Imports nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable


def lazily(package: str, name: str) -> Callable[[str], type]:
    """A package's `__getattr__`, which finds `name` in its module `component`."""

    def __getattr__(asked: str) -> type:
        if asked == name:
            return getattr(importlib.import_module(f"{package}.component"), name)
        raise AttributeError(f"module {package!r} has no attribute {asked!r}")

    return __getattr__
