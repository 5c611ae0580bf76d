"""Which layers hold the same?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.similarity.spec import SimilaritySpec, cost, token_counts

ANALYSIS = Analysis(
    "similarity",
    "Which layers hold the same?",
    SimilaritySpec,
    compute_of(__name__),
    token_counts=token_counts,
    cost=cost,
)

__all__ = ["ANALYSIS", "SimilaritySpec"]
