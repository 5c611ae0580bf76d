"""Which words depend on the context, and on which part of it?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.context_reliance.spec import ContextRelianceSpec, cost, token_counts

ANALYSIS = Analysis(
    "context_reliance",
    "Which words depend on the context, and on which part of it?",
    ContextRelianceSpec,
    compute_of(__name__),
    token_counts=token_counts,
    cost=cost,
    source="https://arxiv.org/abs/2310.01188",
)

__all__ = ["ANALYSIS", "ContextRelianceSpec"]
