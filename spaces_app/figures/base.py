"""What a figure is: how the answers of one analysis are drawn on the page, in files and in the terminal."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spaces_app import components
from spaces_app.components.figure.assets import Assets
from spaces_app.errors import NotSupported
from spaces_app.figures.still import pins
from spaces_app.figures.still.drawing import Drawing
from spaces_app.figures.still.tables import Rows

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Figure:
    """How the answers of one analysis are drawn.

    `component` is a folder of `components/`: its script draws the value on the page, in frames, files and notebooks.
    `value(result, state=..., origin=...)` is that value, plain JSON whose "kind" is the component's name; `state` is
    the reader's selection as links carry it, `origin` "recorded", "stored" or "computed". It has "notes" and "badges"
    as `packing.sentences` and `packing.badges` make them, and "state".

    `drawing(value)` is the still picture of SVG, PDF, PNG and LaTeX, and `table(result, width=...)` what the terminal
    prints. Either may be a sentence instead, which says why there is none. `rows(value)` is the table that stands in
    for the figure where scripts may not run. `thumbnail` names the array of two axes that the overview of examples
    shows small; "" leaves it to the overview.
    """

    component: str
    value: Callable[..., dict[str, Any]]
    drawing: Callable[[dict], Drawing] | str = "It is drawn by its script alone."
    table: Callable[..., RenderableType] | str = "It is drawn by its script alone."
    rows: Callable[[dict], Rows] | None = None
    thumbnail: str = ""

    @property
    def assets(self) -> Assets:
        """Script and style of the component."""
        return self._module("assets").ASSETS

    @property
    def gradio_class(self) -> type:
        """The component as a class of Gradio, to be called with a value. The one thing here that imports Gradio."""
        found = vars(self._module("component")).values()
        return next(item for item in found if isinstance(item, type) and vars(item).get("assets") is self.assets)

    def still(self, value: dict) -> Drawing:
        """The still picture of a value, with its author's notes. Raises NotSupported for a figure that has none."""
        if isinstance(self.drawing, str):
            raise no_picture(value, self.drawing)
        return replace(self.drawing(value), pins=pins.lines(value))

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{components.__name__}.{self.component}.{name}")


def no_picture(value: dict, why: str = "") -> NotSupported:
    """The refusal of a still picture."""
    kind = str(value.get("kind")).replace("_", " ")
    return NotSupported(f"the {kind} figure has no still picture.", hint=f"{why} Save it as HTML.".strip())
