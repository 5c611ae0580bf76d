"""Why this word and not that one?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.contrastive.spec import ContrastiveSpec, cost

ANALYSIS = Analysis("contrastive", "Why this word and not that one?", ContrastiveSpec, compute_of(__name__), cost=cost)

__all__ = ["ANALYSIS", "ContrastiveSpec"]
