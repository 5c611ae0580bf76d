"""What a tab's answers change: the components of the tab, and what a figure shows."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from spaces_app.figures import figure_value
from spaces_app.results import Result
from spaces_app.ui.page.form import Form
from spaces_app.ui.page.script_widget import ScriptWidget


@dataclass(frozen=True)
class Shown:
    """What a figure shows and how the form relates to it."""

    result: Result
    origin: str
    view: str = ""
    form: list | None = None

    def value(self) -> dict:
        """What the figure draws."""
        return figure_value(self.result, view=self.view, origin=self.origin)


class Parts:
    """The components of one tab; who builds the tab makes them.

    `figures` is {name of a component: (column, component)}: questions with the same kind of figure share one. `tabs`
    is what chooses between this tab and the others.
    """

    form: Form
    figures: dict[str, tuple[gr.Column, gr.HTML]]
    share: ScriptWidget
    record: ScriptWidget
    dialog: ScriptWidget
    kept: ScriptWidget
    status: ScriptWidget
    about: ScriptWidget
    costs: ScriptWidget
    tabs: gr.Tabs
