"""Which layers hold the same?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.similarity.spec import SimilaritySpec, cost, size

ANALYSIS = Analysis(
    "similarity", "Which layers hold the same?", SimilaritySpec, compute_of(__name__), size=size, cost=cost
)

__all__ = ["ANALYSIS", "SimilaritySpec"]
