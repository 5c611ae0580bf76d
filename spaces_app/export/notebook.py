"""A result as notebooks show it: the interactive figure in a sandbox, a table where scripts may not run, plain text."""

from __future__ import annotations

from spaces_app.errors import AppError
from spaces_app.export.formats import figure_value, heading
from spaces_app.export.html import frame
from spaces_app.results import Result


def mimebundle(result: Result) -> dict[str, str]:
    """What Jupyter is given: text/plain always, text/html for analyses that have a figure."""
    bundle = {"text/plain": plain(result)}
    try:
        bundle["text/html"] = frame(figure_value(result), title=heading(result))
    except AppError:
        pass  # an analysis without a figure
    return bundle


def plain(result: Result) -> str:
    """One line: what was asked, what was written, which numbers there are."""
    arrays = ", ".join(f"{name} {array.values.shape}" for name, array in result.arrays.items())
    return f"<{result.spec.kind} of {result.spec.model}: {result.text!r:.80}; {arrays}>"
