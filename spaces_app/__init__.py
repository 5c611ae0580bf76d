"""Seqscope: see why a language model wrote each word.

`from spaces_app import AttributionSpec, run` is all most programs need. Names are looked up on first use, so that
importing this package costs nothing and never imports torch.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_WHERE = {
    "ANALYSES": "spaces_app.analyses",
    "AppError": "spaces_app.errors",
    "AttributionSpec": "spaces_app.analyses.attribution",
    "METHODS": "spaces_app.methods",
    "Method": "spaces_app.methods",
    "NamedArray": "spaces_app.arrays",
    "Result": "spaces_app.analyses.base",
    "Runner": "spaces_app.runner",
    "STEP_FUNCTIONS": "spaces_app.step_functions",
    "StepFunction": "spaces_app.step_functions",
    "Settings": "spaces_app.settings",
    "Token": "spaces_app.tokens",
    "register": "spaces_app.plugins",
    "FORMATS": "spaces_app.export.formats",
    "compare": "spaces_app.export.compare",
    "from_link": "spaces_app.runner",
    "load": "spaces_app.export.files",
    "parse_query": "spaces_app.link",
    "save": "spaces_app.export.files",
    "to_link": "spaces_app.link",
}
__all__ = sorted([*_WHERE, "run"])


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def run(spec, *, tick=None):
    """The answer to `spec`, computed or remembered; see `spaces_app.runner.run`."""
    from spaces_app.runner import run as answer

    return answer(spec, tick=tick)
