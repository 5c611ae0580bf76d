"""A link or example that somebody opened → what the page shows."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import gradio as gr

from spaces_app.analyses import KINDS
from spaces_app.errors import AppError, SpecError, to_app_error
from spaces_app.link import made_digest, parse_pair, parse_query
from spaces_app.ui.page import messages
from spaces_app.ui.page.comparing import TAB as COMPARE
from spaces_app.ui.page.comparing import Comparing
from spaces_app.ui.page.overview import overview
from spaces_app.ui.page.panel import Panel
from spaces_app.ui.page.parts import Shown
from spaces_app.ui.page.script_widget import ScriptWidget


def opener(
    address: ScriptWidget, tabs: gr.Tabs, panels: Mapping[str, Panel], comparing: Comparing
) -> Callable[[gr.EventData], dict]:
    """The answer to the address's "link" event, whose data is {"link": query string or fragment}.

    `panels`: the panel of every analysis, by name; an analysis that shares a tab shares its panel.
    """

    def open_link(event: gr.EventData) -> dict:
        data = event._data if isinstance(event._data, dict) else {}
        # A new value each time, by which the script knows that the answer is there, whatever it is.
        opened = {address: address.value | {"opened": secrets.token_hex(8)}}
        try:
            link = str(data.get("link", ""))
            pair = parse_pair(link)
            if pair is not None:
                first, second, view = pair
                updates = comparing.compare(first, second, view=view, opened=True)
                return opened | {tabs: gr.update(selected=COMPARE)} | updates
            return opened | _updates(link, tabs, panels)
        except Exception as error:
            return opened | {next(iter(panels.values())).status: messages.failed(to_app_error(error))}

    return open_link


def lister(panels: Sequence[Panel]) -> Callable[[], dict]:
    """The answer to the overview's "ask" event: every recorded example of every tab. Made once for all visitors."""

    @functools.lru_cache(maxsize=1)
    def found() -> dict:
        return {"tabs": overview((panel.tab, panel.examples.values()) for panel in panels)}

    return lambda: found()


def picker(tabs: gr.Tabs, panels: Sequence[Panel]) -> Callable[[gr.EventData], dict]:
    """The answer to the overview's "pick" event, whose data is {"name": that of an example}: shows it in its tab."""

    def pick(event: gr.EventData) -> dict:
        data = event._data if isinstance(event._data, dict) else {}
        panel = next((panel for panel in panels if str(data.get("name")) in panel.examples), None)
        return gr.skip() if panel is None else {tabs: gr.update(selected=panel.tab.name)} | panel.pick(event)

    return pick


def _updates(link: str, tabs: gr.Tabs, panels: Mapping[str, Panel]) -> dict:
    """Updates for one link. Raises AppError for a link that is wrong, forgotten, or of a tab this page lacks."""
    spec, digest, view = parse_query(link, KINDS)
    if spec is None and not digest:
        return {}
    known = _known(digest or (spec.digest() if spec is not None else ""), panels)
    if known is None and (made := made_digest(link)):  # stored before options were added, which digests count
        known = _known(made, panels)
    if known is not None:
        spec = known.result.spec
    if spec is None:
        raise AppError(messages.FORGOTTEN)
    if spec.kind not in panels:
        raise SpecError(f"{spec.kind} has no tab on this page.")
    panel = panels[spec.kind]
    updates = panel.prepare(spec, view) if known is None else panel.present(replace(known, view=view))
    return {tabs: gr.update(selected=panel.tab.name)} | updates


def _known(digest: str, panels: Mapping[str, Panel]) -> Shown | None:
    found = (panel.known(digest) for panel in dict.fromkeys(panels.values()))
    return next((shown for shown in found if shown is not None), None)
