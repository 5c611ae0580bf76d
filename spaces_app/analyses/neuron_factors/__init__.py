"""Which neurons fire together, and where?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec, cost, size

ANALYSIS = Analysis(
    "neuron_factors",
    "Which neurons fire together, and where?",
    NeuronFactorsSpec,
    compute_of(__name__),
    size=size,
    cost=cost,
)

__all__ = ["ANALYSIS", "NeuronFactorsSpec"]
