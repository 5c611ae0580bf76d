"""Why this word and not that one?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.contrastive.spec import ContrastiveSpec, cost
from spaces_app.costs.token_counts import text_token_counts

ANALYSIS = Analysis(
    "contrastive",
    "Why this word and not that one?",
    ContrastiveSpec,
    compute_of(__name__),
    token_counts=text_token_counts,
    cost=cost,
    source="https://aclanthology.org/2022.emnlp-main.14",
)

__all__ = ["ANALYSIS", "ContrastiveSpec"]
