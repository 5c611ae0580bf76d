"""The Attribution tab."""

from __future__ import annotations

from components.token_heatmap import TokenHeatmap
from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.methods import METHODS
from spaces_app.tabs.base import Tab
from spaces_app.views.token_heatmap import token_heatmap


def idle(spec: AttributionSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    reasons = {}
    for name in spec.unused():
        if name in ("max_new_tokens", "temperature", "top_p", "seed"):
            reasons[name] = "The output is given." if spec.continuation else "Needs a temperature above 0."
        else:
            reasons[name] = f"{METHODS[spec.method].label} does not use this."
    return reasons


def about(spec: AttributionSpec) -> tuple[str, str, str]:
    """The method in force: label, one sentence, paper."""
    method = METHODS[spec.method]
    return method.label, method.description, method.source


TAB = Tab(
    title="Attribution",
    question="Which earlier words moved each word the model wrote?",
    analysis=ANALYSES["attribution"],
    figure=TokenHeatmap,
    view=token_heatmap,
    idle=idle,
    governing=("method", "continuation", "temperature"),
    about=about,
)
