"""Why did it write each word?"""

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.base import Analysis, compute_of

ANALYSIS = Analysis("attribution", "Why did it write each word?", AttributionSpec, compute_of(__name__))

__all__ = ["ANALYSIS", "AttributionSpec"]
