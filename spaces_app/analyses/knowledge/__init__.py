"""Where does the fact sit?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.knowledge.spec import KnowledgeSpec, cost, token_counts

ANALYSIS = Analysis(
    "knowledge", "Where does the fact sit?", KnowledgeSpec, compute_of(__name__), token_counts=token_counts, cost=cost
)

__all__ = ["ANALYSIS", "KnowledgeSpec"]
