"""Which neurons fire together, and where?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec, cost, token_counts

ANALYSIS = Analysis(
    "neuron_factors",
    "Which neurons fire together, and where?",
    NeuronFactorsSpec,
    compute_of(__name__),
    token_counts=token_counts,
    cost=cost,
)

__all__ = ["ANALYSIS", "NeuronFactorsSpec"]
