"""Why did it write each word?"""

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.costs.token_counts import attribution_cost, text_token_counts

ANALYSIS = Analysis(
    "attribution",
    "Why did it write each word?",
    AttributionSpec,
    compute_of(__name__),
    token_counts=text_token_counts,
    cost=attribution_cost,
)

__all__ = ["ANALYSIS", "AttributionSpec"]
