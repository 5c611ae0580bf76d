"""How surprising was each word?"""

from spaces_app.analyses.base import Analysis, compute_of
from spaces_app.analyses.surprisal.spec import SurprisalSpec

ANALYSIS = Analysis(
    "surprisal",
    "How surprising was each word?",
    SurprisalSpec,
    compute_of(__name__),
    source="https://aclanthology.org/N01-1021",
)

__all__ = ["ANALYSIS", "SurprisalSpec"]
