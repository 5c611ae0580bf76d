"""What would it have written after each layer?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.layers.spec import LayersSpec, cost, token_counts

ANALYSIS = Analysis(
    "layers",
    "What would it have written after each layer?",
    LayersSpec,
    compute_of(__name__),
    token_counts=token_counts,
    cost=cost,
)

__all__ = ["ANALYSIS", "LayersSpec"]
