"""What do single neurons do along the text?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.neurons.spec import NeuronsSpec, cost, token_counts

ANALYSIS = Analysis(
    "neurons",
    "What do single neurons do along the text?",
    NeuronsSpec,
    compute_of(__name__),
    token_counts=token_counts,
    cost=cost,
)

__all__ = ["ANALYSIS", "NeuronsSpec"]
