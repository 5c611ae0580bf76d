"""FORMATS: every file a result can leave as. To add one, write its function beside these and name it here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from spaces_app.errors import AppError
from spaces_app.export import tabular
from spaces_app.export.html import standalone
from spaces_app.figures import FIGURES, figure_of, figure_value
from spaces_app.figures.still import latex, layout, raster, svg
from spaces_app.figures.still.drawing import Drawing
from spaces_app.inseq import write as inseq
from spaces_app.inseq import write_context
from spaces_app.link import to_link
from spaces_app.results import Result


@dataclass(frozen=True)
class Format:
    """One kind of file. `write(result, view=…)` gives its text or bytes; `view` is the figure's state, as in links.

    `picture` marks files that show the figure, and so follow the view; the others hold the numbers.
    """

    name: str
    suffix: str
    label: str
    mime: str
    write: Callable[..., str | bytes]
    picture: bool = False

    def data(self, result: Result, *, view: str = "") -> bytes:
        """The file's bytes."""
        written = self.write(result, view=view)
        return written if isinstance(written, bytes) else written.encode("utf-8")


def still(result: Result, *, view: str = "") -> Drawing:
    """The still picture of a result, with the link to it. Raises NotSupported where there is none."""
    figure = figure_of(result.spec.kind)
    return replace(figure.still(figure.value(result, state=view)), source=link(result, view))


def offered(result: Result) -> list[Format]:
    """The formats that this result can leave as, in the table's order."""
    figure = FIGURES.get(result.spec.kind)
    maps = result.arrays.get("attributions")
    known = maps is not None and list(maps.axes) == ["input", "generated"]  # to Inseq
    refused = set() if known else {"inseq"}
    if figure is None:
        refused |= {item.name for item in FORMATS.values() if item.picture}
    elif isinstance(figure.drawing, str):
        refused |= {item.name for item in FORMATS.values() if item.picture} - {"html"}
    return [item for item in FORMATS.values() if item.name not in refused]


def link(result: Result, view: str = "") -> str:
    """`?s=…` of the result's spec and view, or `?id=…` where that would be too long."""
    try:
        return to_link(result.spec, view=view)
    except AppError:
        return f"?id={result.spec.digest()}"


def heading(result: Result) -> str:
    """What a file calls itself: what the model wrote, else what it read."""
    read = "".join(token.text for token in result.tokens if not token.special)
    return result.text.strip()[:120] or read.strip()[:120] or "Seqscope"


def document(result: Result, view: str = "") -> dict:
    """The result as plain data, with its link: what the command line and the API give too."""
    return result.to_dict() | {"link": link(result, view)}


def _html(result: Result, *, view: str = "") -> str:
    return standalone(figure_value(result, view=view), title=heading(result), source=link(result, view))


def _svg(result: Result, *, view: str = "") -> str:
    return svg.svg(layout.page(still(result, view=view)))


def _png(result: Result, *, view: str = "") -> bytes:
    return raster.png(layout.page(still(result, view=view)))


def _pdf(result: Result, *, view: str = "") -> bytes:
    return raster.pdf(layout.page(still(result, view=view)))


def _latex(result: Result, *, view: str = "") -> str:
    return latex.latex(still(result, view=view))


def _csv(result: Result, *, view: str = "") -> str:
    return tabular.csv_text(result)


def _json(result: Result, *, view: str = "") -> str:
    return json.dumps(document(result, view), ensure_ascii=False, allow_nan=False) + "\n"


def _inseq(result: Result, *, view: str = "") -> str:
    write = write_context if result.spec.kind == "context_reliance" else inseq
    return write.dumps(result)


FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        Format("html", ".html", "Interactive page", "text/html", _html, picture=True),
        Format("svg", ".svg", "SVG, vector", "image/svg+xml", _svg, picture=True),
        Format("pdf", ".pdf", "PDF, vector", "application/pdf", _pdf, picture=True),
        Format("png", ".png", "PNG, pixels", "image/png", _png, picture=True),
        Format("latex", ".tex", "LaTeX", "application/x-tex", _latex, picture=True),
        Format("csv", ".csv", "CSV, numbers", "text/csv", _csv),
        Format("json", ".json", "JSON, everything", "application/json", _json),
        Format("inseq", ".inseq.json", "Inseq 0.7.1 JSON", "application/json", _inseq),
    )
}
