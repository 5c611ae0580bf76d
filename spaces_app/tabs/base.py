"""What a tab is: a title, a question and an analysis, whose figure it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spaces_app.analyses.base import Analysis
from spaces_app.spec import Spec


def _nothing(spec: Spec) -> dict[str, str]:
    return {name: "Not used here." for name in spec.unused()}


def _no_method(spec: Spec) -> tuple[str, str, str]:
    return "", "", ""


def _none(spec: Spec) -> dict:
    return {}


def each(field: str) -> Callable[[Spec], dict[str, Spec]]:
    """A `priced` for tabs whose questions differ in one field: the question with each of its choices in turn."""

    def priced(spec: Spec) -> dict[str, Spec]:
        choices = next(facts.choices for name, _, facts in spec.options() if name == field)
        return {choice: spec.replace(**{field: choice}) for choice in (choices() if choices else ())}

    return priced


def plain(analysis: Analysis) -> Tab:
    """The tab of an analysis of which no file says more: all its options, in the groups that its spec names."""
    options = [(name, facts.group) for name, _, facts in analysis.spec.options() if facts.group != "hidden"]
    groups = dict.fromkeys(group for _, group in options if group not in ("main", "method"))
    return Tab(
        title=analysis.name.replace("_", " ").capitalize(),
        question=analysis.title,
        analysis=analysis,
        governing=tuple(name for name, _ in options),
        groups=tuple((group, group.capitalize()) for group in groups),
    )


@dataclass(frozen=True)
class Tab:
    """One tab of the page, as a declaration; the page derives form, events, links and API from it.

    `question` is the one sentence the tab answers. What it shows is the figure of the analysis (`spaces_app.figures`).

    `idle(spec)` says of each option without influence why that is so; `governing` names the fields it depends on.
    `about(spec)` is the label of the method in force, one sentence on it, and the address of its paper. `refused(spec)`
    gives, by field and choice, why a choice is not possible beside the others; what only the model decides is found
    out by `priced(spec)`: for each choice of the field `choosing`, the question whose seconds are told beside it.

    `groups` are the groups of options, beyond "main" and "method", and the titles they stand under; a group is there
    while one of its options counts. `more` are further questions of the same tab, each with an analysis of its own
    and declared like a tab; they share one form, in which options of the same name are one control. Where there are
    several, `label` is what the switch between them calls each.

    `asked(spec, event)` is the question that a click in the figure asks beside the one shown, for figures that ask:
    `spec` is that of the figure, or, where the figure's is gone, that of the form. `leads` are the analyses
    of other tabs that it may ask; the visitor is taken there.
    """

    title: str
    question: str
    analysis: Analysis
    idle: Callable[[Any], dict[str, str]] = _nothing
    governing: tuple[str, ...] = ()
    about: Callable[[Any], tuple[str, str, str]] = _no_method
    refused: Callable[[Any], dict[str, dict[str, str]]] = _none
    choosing: str = ""
    priced: Callable[[Any], Mapping[str, Spec]] = _none
    groups: tuple[tuple[str, str], ...] = (("contrast", "Compare with"), ("generation", "Generation"))
    label: str = ""
    more: tuple[Tab, ...] = ()
    asked: Callable[[Any, Mapping], Spec] | None = None
    leads: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its first analysis, which is the tab's own in ids and links."""
        return self.analysis.name

    @property
    def views(self) -> dict[str, Tab]:
        """Every question of the tab, itself first, by the name of its analysis."""
        return {view.analysis.name: view for view in (self, *self.more)}
