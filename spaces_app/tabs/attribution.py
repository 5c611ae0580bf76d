"""The Attribution tab: one method, or several on the same output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.analyses.contrastive.spec import ContrastiveSpec
from spaces_app.methods import METHODS
from spaces_app.spec import Spec
from spaces_app.step_functions import CONTRAST, STEP_FUNCTIONS
from spaces_app.tabs.base import Tab
from spaces_app.tabs.clicked import Clicked

if TYPE_CHECKING:
    from spaces_app.methods import Method


GENERATION = ("max_new_tokens", "temperature", "top_p", "seed")


def idle(spec: AttributionSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    several = isinstance(spec, ComparisonSpec)
    who = "None of these methods" if several else METHODS[spec.method].label
    uses = "uses this" if several else "does not use this"
    reasons = {}
    for name in spec.unused():
        if name in GENERATION:
            reasons[name] = "The output is given." if spec.continuation else "Needs a temperature above 0."
        elif name in CONTRAST:
            reasons[name] = "The target compares with nothing."
        elif any(name in step.options for step in STEP_FUNCTIONS.values()):
            reasons[name] = "No target asked for uses this."
        else:
            reasons[name] = f"{who} {uses}."
    return reasons


def about(spec: AttributionSpec) -> tuple[str, str, str]:
    """The method in force: label, one sentence, paper."""
    method = METHODS[spec.method]
    return method.label, method.description, method.source


def about_all(spec: ComparisonSpec) -> tuple[str, str, str]:
    """The methods in force, by their labels."""
    count = len(spec.parts())
    return f"{count} methods", "Each explains the same output; the figure tells how alike they rank the text.", ""


def refused(spec: AttributionSpec) -> dict[str, dict[str, str]]:
    """Targets without a gradient, where the method needs one, and the other way round."""
    methods = spec.methods_asked()
    step = STEP_FUNCTIONS[spec.step_function]
    needing = {name for name, method in METHODS.items() if _follows_back(method)}
    reasons = dict.fromkeys(needing, _sentence(step.no_gradient)) if step.no_gradient else {}
    following = any(_follows_back(method) for method in methods)
    targets = {name: _sentence(each.no_gradient) for name, each in STEP_FUNCTIONS.items() if each.no_gradient}
    return {"method": reasons, "methods": reasons, "step_function": targets if following else {}}


def _follows_back(method: Method) -> bool:
    return method.family in ("gradient", "propagation") and "step_function" in method.options


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def priced(spec: AttributionSpec) -> dict[str, Spec]:
    """The question with each method in turn."""
    return {name: spec.by(name) for name in METHODS}


def why_not(spec: AttributionSpec, event: Mapping) -> ContrastiveSpec:
    """The question a click on an alternative asks: why what was written, and not this word?

    The method stays where it can tell for from against, else the contrast's own takes its place. Raises SpecError for
    events that are not of this kind.
    """
    word = Clicked.of(event, "why_not")
    kept: dict[str, Any] = {name: getattr(spec, name) for name in ("model", "revision", "prompt", "languages")}
    method = METHODS[spec.method]
    if not isinstance(spec, ComparisonSpec) and method.signed and "step_function" in method.options:
        names = {"method", *method.options} - {"step_function"}
        kept |= {name: getattr(spec, name) for name, _, _ in ContrastiveSpec.options() if name in names}
        kept["own"] = spec.own_of(method)
    ours: dict[str, Any] = {"continuation": word.written, "continuation_ids": spec.continuation_ids}
    return ContrastiveSpec(**kept, **ours, **word.other(spec.continuation_ids))


COMPARISON = Tab(
    title="Attribution",
    label="Several methods",
    question="Do several methods say the same of one output?",
    analysis=ANALYSES["comparison"],
    idle=idle,
    governing=("methods", "step_function", "step_scores", "continuation", "temperature"),
    about=about_all,
    refused=refused,
    choosing="methods",
    priced=priced,
    asked=why_not,
    leads=("contrastive",),
)

TAB = Tab(
    title="Attribution",
    label="One method",
    question="Which earlier words moved each word the model wrote?",
    analysis=ANALYSES["attribution"],
    idle=idle,
    governing=("method", "step_function", "step_scores", "continuation", "temperature"),
    about=about,
    refused=refused,
    choosing="method",
    priced=priced,
    asked=why_not,
    leads=("contrastive",),
    more=(COMPARISON,),
)
