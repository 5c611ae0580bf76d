"""Seqscope: see why a language model wrote each word.

`from spaces_app import AttributionSpec, run` is all most programs need. Names are looked up on first use, so that
importing this package is quick and never imports torch.
"""

from __future__ import annotations

import importlib

from spaces_app.results import Result
from spaces_app.version import __version__ as __version__

_WHERE = {
    "ANALYSES": "spaces_app.analyses",
    "AppError": "spaces_app.errors",
    "AttributionSpec": "spaces_app.analyses.attribution",
    "METHODS": "spaces_app.methods",
    "Method": "spaces_app.methods",
    "NamedArray": "spaces_app.arrays",
    "Runner": "spaces_app.serving.runner",
    "STEP_FUNCTIONS": "spaces_app.step_functions",
    "StepFunction": "spaces_app.step_functions",
    "Settings": "spaces_app.settings",
    "Token": "spaces_app.tokens",
    "register": "spaces_app.serving.plugins",
    "FORMATS": "spaces_app.export.formats",
    "compare": "spaces_app.export.compare",
    "from_link": "spaces_app.serving.runner",
    "load": "spaces_app.export.files",
    "parse_query": "spaces_app.link",
    "save": "spaces_app.export.files",
    "to_link": "spaces_app.link",
}
__all__ = sorted([*_WHERE, "Result", "__version__", "run"])


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def run(spec, *, tick=None):
    """The answer to `spec`, computed or remembered; see `spaces_app.serving.runner.run`."""
    from spaces_app.serving.runner import run as answer

    return answer(spec, tick=tick)


def _display(result: Result) -> dict[str, str]:
    from spaces_app.export.notebook import mimebundle

    return mimebundle(result)


Result.display = staticmethod(_display)
