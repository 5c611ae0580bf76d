"""The Contrastive tab: why this word and not that one."""

from __future__ import annotations

from collections.abc import Mapping

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.contrastive.spec import ContrastiveSpec
from spaces_app.tabs.attribution import about, idle, refused
from spaces_app.tabs.base import Tab, each
from spaces_app.tabs.clicked import Clicked


def asked(spec: ContrastiveSpec, event: Mapping) -> ContrastiveSpec:
    """The question a click in the figure asks: another word as B ("contrast"), or A and B swapped ("swap").

    Raises SpecError for anything else.
    """
    word = Clicked.of(event, "contrast", "swap")
    ours, other = spec.continuation_ids, word.other(spec.continuation_ids)
    if word.ask == "contrast":
        return spec.replace(**other)
    ids = other["contrast_ids"]
    swapped = {"contrast": word.written, "contrast_ids": ours if ids else ()}
    return spec.replace(continuation=other["contrast"], continuation_ids=ids, **swapped)


TAB = Tab(
    title="Contrastive",
    question="Why this word and not that one?",
    analysis=ANALYSES["contrastive"],
    idle=idle,
    governing=("method", "step_function", "continuation", "temperature"),
    about=about,
    refused=refused,
    choosing="method",
    priced=each("method"),
    asked=asked,
)
