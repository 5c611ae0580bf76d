"""What do single neurons do along the text?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.neurons.spec import NeuronsSpec, cost, size

ANALYSIS = Analysis(
    "neurons", "What do single neurons do along the text?", NeuronsSpec, compute_of(__name__), size=size, cost=cost
)

__all__ = ["ANALYSIS", "NeuronsSpec"]
