"""A result as notebooks show it: the interactive figure in a sandbox, a table where scripts may not run, plain text."""

from __future__ import annotations

from spaces_app.export.formats import heading
from spaces_app.export.html import frame
from spaces_app.figures import FIGURES, figure_value
from spaces_app.figures.terminal.cells import summary as plain
from spaces_app.results import Result


def mimebundle(result: Result) -> dict[str, str]:
    """What Jupyter is given: text/plain always, text/html for analyses that have a figure."""
    bundle = {"text/plain": plain(result)}
    if result.spec.kind in FIGURES:
        bundle["text/html"] = frame(figure_value(result), title=heading(result))
    return bundle
