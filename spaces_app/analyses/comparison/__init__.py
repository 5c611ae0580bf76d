"""Do several methods say the same?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.comparison.spec import ComparisonSpec, cost
from spaces_app.costs.token_counts import text_token_counts

ANALYSIS = Analysis(
    "comparison",
    "Do several methods say the same?",
    ComparisonSpec,
    compute_of(__name__),
    token_counts=text_token_counts,
    cost=cost,
)

__all__ = ["ANALYSIS", "ComparisonSpec"]
