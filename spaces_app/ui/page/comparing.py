"""The tab in which two links are compared: two fields, what differs, and three maps on one scale."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from spaces_app.errors import AppError, SpecError, to_app_error
from spaces_app.export.compare import comparison, facts, panes
from spaces_app.figures import FIGURES
from spaces_app.link import pair_query
from spaces_app.results import Result
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.ui.page.script_widget import ScriptWidget

TAB, TITLE = "compare", "Compare"
PLACES = ("first", "second")


class Comparing:
    """Build it inside `gr.Tabs`, then `wire` it. Computes nothing: both answers must be recorded or stored here."""

    def __init__(self, runner: Runner, settings: Settings):
        self.runner = runner
        self.base = f"https://huggingface.co/spaces/{settings.space_id}" if settings.space_id else ""
        with gr.Tab(TITLE, id=TAB), gr.Column(elem_classes=["seq-compare-tab"]):
            gr.HTML("<h2>What changed from one answer to another?</h2>", elem_classes=["seq-question"])
            self.report = ScriptWidget("compare", {})
            with gr.Column(elem_classes=["seq-figure"], visible=False) as self.column:
                self.figure = FIGURES["attribution"].gradio_class(None)

    def wire(self, **instant: Any) -> None:
        """Connect the button. Call it inside the page's Blocks context."""
        self.report.compare(self.answer, None, self.outputs, **instant)

    @property
    def outputs(self) -> list:
        """Every component a comparison changes."""
        return [self.report, self.figure, self.column]

    def answer(self, event: gr.EventData) -> dict:
        """What the two links of the event differ in, or one sentence about what is missing."""
        data = event._data if isinstance(event._data, dict) else {}
        return self.compare(*(str(data.get(place, "")) for place in PLACES))

    def compare(self, *links: str, view: str = "", opened: bool = False) -> dict:
        """Updates that show what the first and the second link differ in; `opened` puts both into their fields."""
        # A new value each time, so that the script sees every answer.
        report: dict[str, Any] = {"nonce": secrets.token_hex(6), "base": self.base, "view": view}
        report |= {"links": list(links)} if opened else {}
        value = None
        try:
            first, second = (self._known(link, place) for link, place in zip(links, PLACES, strict=True))
            differing = [{"name": f.name, "first": f.first, "second": f.second} for f in facts(first, second)]
            report |= {"facts": differing, "sides": [_named(first), _named(second)]}
            report["sentence"] = comparison(first, second).sentence
            value = panes(first, second, state=view)
            report["query"] = pair_query(first.spec, second.spec)
        except AppError as error:
            report["error"] = str(error)
        except Exception as error:
            report = {"nonce": report["nonce"], "error": str(to_app_error(error))}
            value = None
        return {self.report: report, self.figure: value, self.column: gr.update(visible=value is not None)}

    def _known(self, link: str, place: str) -> Result:
        """The answer of a link. Raises SpecError for what is no link, and where the answer is not kept here."""
        if not link.strip():
            raise SpecError(f"the {place} link is missing.", hint="Paste two links of this tool.", field=place)
        try:
            _, result = self.runner.from_link(link)
        except AppError as error:
            raise SpecError(f"the {place} link: {error}", field=place) from None
        if result is None:
            raise SpecError(
                f"the {place} link's result is not stored here.", hint="Open that link, press Run, then compare."
            )
        return result


def _named(result: Result) -> str:
    notes = result.notes
    return " · ".join(str(text) for text in (notes.get("method"), notes.get("model"), notes.get("recorded")) if text)
