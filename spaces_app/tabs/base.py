"""What a tab is: a title, a question, an analysis and a figure. Knows nothing of how pages are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spaces_app.analyses.base import Analysis
from spaces_app.spec import Spec


def _nothing(spec: Spec) -> dict[str, str]:
    return {name: "Not used here." for name in spec.unused()}


def _no_method(spec: Spec) -> tuple[str, str, str]:
    return "", "", ""


@dataclass(frozen=True)
class Tab:
    """One tab of the page, as a declaration; the page derives form, events, links and API from it.

    `question` is the one sentence the tab answers. `figure` is a component class from `components/`, called with the
    figure's data as its only positional argument. `view(result, state=..., origin=...)` gives that data, where
    `state` is the reader's selection as links carry it and `origin` is "recorded", "stored" or "computed".

    `idle(spec)` says of each option without influence why that is so; `governing` names the fields it depends on.
    `about(spec)` is the label of the method in force, one sentence on it, and the address of its paper.
    """

    title: str
    question: str
    analysis: Analysis
    figure: Callable
    view: Callable[..., dict]
    idle: Callable[[Spec], dict[str, str]] = _nothing
    governing: tuple[str, ...] = ()
    about: Callable[[Spec], tuple[str, str, str]] = _no_method
