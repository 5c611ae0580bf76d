"""The Contrastive tab: why this word and not that one."""

from __future__ import annotations

from components.contrastive import ContrastMap
from spaces_app.analyses import ANALYSES
from spaces_app.analyses.contrastive import ContrastiveSpec
from spaces_app.errors import SpecError
from spaces_app.tabs.attribution import about, idle, refused
from spaces_app.tabs.base import Tab, each
from spaces_app.views.contrastive import contrastive


def asked(spec: ContrastiveSpec, event: dict) -> ContrastiveSpec:
    """The question a click in the figure asks: another word as B, or A and B swapped.

    `event`: {"ask": "contrast" or "swap", "id", "text", "column", "before", "written"}: the word, its place, and the
    output before that place and as a whole. What stands before the place stays, so that A and B differ where it was
    clicked. Raises SpecError for anything else.
    """
    texts = [event.get(name) for name in ("text", "before", "written")]
    numbers = [event.get(name) for name in ("id", "column")]
    fits = all(isinstance(item, str) for item in texts) and all(type(item) is int and item >= 0 for item in numbers)
    if not fits or event.get("ask") not in ("contrast", "swap"):
        raise SpecError("this is not a word to compare with.", field="contrast")
    text, before, written = texts
    token, column = numbers
    ours = spec.continuation_ids
    ids = (*ours[:column], token) if column < len(ours) else ()
    if event["ask"] == "contrast":
        return spec.replace(contrast=before + text, contrast_ids=ids)
    return spec.replace(
        continuation=before + text, continuation_ids=ids, contrast=written, contrast_ids=ours if ids else ()
    )


TAB = Tab(
    title="Contrastive",
    question="Why this word and not that one?",
    analysis=ANALYSES["contrastive"],
    figure=ContrastMap,
    view=contrastive,
    idle=idle,
    governing=("method", "step_function", "continuation", "temperature"),
    about=about,
    refused=refused,
    choosing="method",
    priced=each("method"),
    asked=asked,
)
