"""Seqscope: see why a language model wrote each word.

    from seqscope import AttributionSpec, run
    run(AttributionSpec(prompt="The keys to the cabinet"))

Every public name is here. Each is looked up when it is first used: importing this imports neither torch nor Gradio.
"""

from typing import TYPE_CHECKING

import spaces_app
from spaces_app import Result as Result
from spaces_app import __version__ as __version__
from spaces_app import run as run

if TYPE_CHECKING:  # for editors and type checkers; a test compares these with what is handed on
    from spaces_app import aggregate as aggregate
    from spaces_app.analyses import ANALYSES as ANALYSES
    from spaces_app.analyses.attribution import AttributionSpec as AttributionSpec
    from spaces_app.analyses.comparison import ComparisonSpec as ComparisonSpec
    from spaces_app.analyses.context_reliance import ContextRelianceSpec as ContextRelianceSpec
    from spaces_app.analyses.contrastive import ContrastiveSpec as ContrastiveSpec
    from spaces_app.analyses.knowledge import KnowledgeSpec as KnowledgeSpec
    from spaces_app.analyses.layers import LayersSpec as LayersSpec
    from spaces_app.analyses.neuron_factors import NeuronFactorsSpec as NeuronFactorsSpec
    from spaces_app.analyses.neurons import NeuronsSpec as NeuronsSpec
    from spaces_app.analyses.similarity import SimilaritySpec as SimilaritySpec
    from spaces_app.arrays import NamedArray as NamedArray
    from spaces_app.components.context_reliance import ContextReliance as ContextReliance
    from spaces_app.components.contrastive import ContrastMap as ContrastMap
    from spaces_app.components.layer_grid import LayerGrid as LayerGrid
    from spaces_app.components.neuron_factors import NeuronFactors as NeuronFactors
    from spaces_app.components.token_heatmap import TokenHeatmap as TokenHeatmap
    from spaces_app.errors import AppError as AppError
    from spaces_app.export.compare import compare as compare
    from spaces_app.export.files import load as load
    from spaces_app.export.files import save as save
    from spaces_app.export.formats import FORMATS as FORMATS
    from spaces_app.link import parse_query as parse_query
    from spaces_app.link import to_link as to_link
    from spaces_app.methods import METHODS as METHODS
    from spaces_app.methods import AttributionRequest as AttributionRequest
    from spaces_app.methods import AttributionScores as AttributionScores
    from spaces_app.methods import CostInputs as CostInputs
    from spaces_app.methods import Method as Method
    from spaces_app.serving.plugins import register as register
    from spaces_app.serving.runner import Runner as Runner
    from spaces_app.serving.runner import from_link as from_link
    from spaces_app.settings import Settings as Settings
    from spaces_app.step_functions import STEP_FUNCTIONS as STEP_FUNCTIONS
    from spaces_app.step_functions import StepFunction as StepFunction
    from spaces_app.tokens import Token as Token

__all__ = spaces_app.__all__


def __getattr__(name: str) -> object:
    if name not in __all__ and not name.endswith("Spec"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(spaces_app, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
