"""Seqscope: see why a language model wrote each word.

`from seqscope import AttributionSpec, run` is all most programs need; `seqscope` hands on the names below. They are
looked up on first use, so that importing this package is quick and never imports torch or Gradio.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from spaces_app.results import Result
from spaces_app.version import __version__ as __version__

if TYPE_CHECKING:
    from typing import Any

    from spaces_app.spec import Spec
    from spaces_app.types import Tick

_WHERE = {
    "ANALYSES": "spaces_app.analyses",
    "AppError": "spaces_app.errors",
    "AttributionRequest": "spaces_app.methods",
    "AttributionScores": "spaces_app.methods",
    "AttributionSpec": "spaces_app.analyses.attribution",
    "compare": "spaces_app.export.compare",
    "ComparisonSpec": "spaces_app.analyses.comparison",
    "ContextReliance": "spaces_app.components.context_reliance",
    "ContextRelianceSpec": "spaces_app.analyses.context_reliance",
    "ContrastiveSpec": "spaces_app.analyses.contrastive",
    "ContrastMap": "spaces_app.components.contrastive",
    "CostInputs": "spaces_app.methods",
    "FORMATS": "spaces_app.export.formats",
    "from_link": "spaces_app.serving.runner",
    "KnowledgeSpec": "spaces_app.analyses.knowledge",
    "LayerGrid": "spaces_app.components.layer_grid",
    "LayersSpec": "spaces_app.analyses.layers",
    "load": "spaces_app.export.files",
    "Method": "spaces_app.methods",
    "METHODS": "spaces_app.methods",
    "NamedArray": "spaces_app.arrays",
    "NeuronFactors": "spaces_app.components.neuron_factors",
    "NeuronFactorsSpec": "spaces_app.analyses.neuron_factors",
    "NeuronsSpec": "spaces_app.analyses.neurons",
    "parse_query": "spaces_app.link",
    "register": "spaces_app.serving.plugins",
    "Runner": "spaces_app.serving.runner",
    "save": "spaces_app.export.files",
    "Settings": "spaces_app.settings",
    "SimilaritySpec": "spaces_app.analyses.similarity",
    "STEP_FUNCTIONS": "spaces_app.step_functions",
    "StepFunction": "spaces_app.step_functions",
    "to_link": "spaces_app.link",
    "Token": "spaces_app.tokens",
    "TokenHeatmap": "spaces_app.components.token_heatmap",
}
__all__ = sorted([*_WHERE, "Result", "__version__", "aggregate", "run"])


def __getattr__(name: str) -> Any:
    if name == "aggregate":
        return importlib.import_module("spaces_app.aggregate")
    if name.endswith("Spec") and name not in _WHERE:  # of an analysis that was added
        kinds = importlib.import_module("spaces_app.analyses").KINDS
        found = next((kind for kind in kinds.values() if kind.__name__ == name), None)
        if found is not None:
            return found
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def run(spec: Spec, *, tick: Tick | None = None) -> Result:
    """The answer to `spec`, computed or remembered; see `spaces_app.serving.runner.run`."""
    from spaces_app.serving.runner import run as answer

    return answer(spec, tick=tick)


def _display(result: Result) -> dict[str, str]:
    from spaces_app.export.notebook import mimebundle

    return mimebundle(result)


Result.display = staticmethod(_display)
