"""The Context reliance tab: which words of the answer depend on the context."""

from __future__ import annotations

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.context_reliance.spec import ContextRelianceSpec
from spaces_app.methods import METHODS
from spaces_app.tabs.attribution import GENERATION, about
from spaces_app.tabs.base import Tab, each


def idle(spec: ContextRelianceSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    reasons = {}
    for name in spec.unused():
        if name in GENERATION:
            reasons[name] = "The output is given." if spec.continuation else "Needs a temperature above 0."
        elif name == "output_template":
            reasons[name] = "There is no context in the output."
        elif name in ("n_subsets", "filter_top_k", "filter_top_p", "instead"):
            reasons[name] = "Not used with these choices."
        else:
            reasons[name] = f"{METHODS[spec.method].label} does not use this."
    return reasons


TAB = Tab(
    title="Context reliance",
    question="Which words of the answer depend on the context, and on which part of it?",
    analysis=ANALYSES["context_reliance"],
    idle=idle,
    governing=("method", "step_function", "sentences", "continuation", "temperature", "output_context"),
    about=about,
    choosing="method",
    priced=each("method"),
    groups=(("template", "Templates"), ("contrast", "Divergence"), ("generation", "Generation")),
)
