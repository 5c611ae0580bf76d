"""A result as a coloured table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group
from rich.style import Style
from rich.table import Table
from rich.text import Text

from spaces_app.analyses.comparison.spec import compared, single
from spaces_app.figures.terminal.cells import label, number
from spaces_app.results import Result
from spaces_app.tokens import Token

_CELL = 9  # characters of a column; longer tokens are cut with an ellipsis
_POSITIVE, _NEGATIVE = (214, 96, 30), (44, 108, 188)  # orange and blue: told apart by every kind of colour vision


def attribution_table(result: Result, *, width: int = 100) -> Group:
    """Input tokens down, generated tokens across, in as many blocks as the width needs.

    A cell's number is the raw score; its colour is the score's share of its column, orange for and blue against.
    The last row of each block is the probability the model gave to the token.
    """
    return maps(result, "attributions", width=width)


def comparison_table(result: Result, *, width: int = 100) -> Group:
    """A table for each method."""
    return Group(*(attribution_table(single(result, name), width=width) for name in compared(result)))


def maps(result: Result, name: str, *, width: int = 100) -> Group:
    """The table of one array over input × generated."""
    scores = result.arrays[name]
    generated = [i for i, token in enumerate(result.tokens) if token.segment == "generated"]
    probability = result.arrays["step_scores"].select(step_function="probability").values
    label_width = min(18, max((len(_label(token)) for token in result.tokens), default=4)) + 2
    per_block = max(1, (width - label_width - 4) // (_CELL + 2))
    blocks = [
        _block(
            result.tokens, generated, scores.values, probability, range(start, min(start + per_block, len(generated)))
        )
        for start in range(0, len(generated), per_block)
    ]
    return Group(_headline(result, scores.unit), *blocks)


def _headline(result: Result, unit: str) -> Text:
    notes = result.notes
    line = Text()
    line.append(f"{notes['method']}", style="bold")
    line.append(f" of {notes['target']}" if notes.get("target") else "")
    line.append(f" · unit {unit} · {notes['model']} ({notes['revision'][:8]})\n")
    line.append("".join(token.text for token in result.tokens if token.segment != "generated" and not token.special))
    line.append(result.text, style="bold")
    for warning in notes.get("warnings", ()):
        line.append(f"\nNote: {warning}", style="yellow")
    return line


def _block(
    tokens: Sequence[Token], generated: list[int], scores: np.ndarray, probability: np.ndarray, columns: range
) -> Table:
    table = Table(box=None, padding=(0, 1), show_edge=False)
    table.add_column("", justify="right", no_wrap=True, max_width=20)
    for column in columns:
        table.add_column(_header(tokens[generated[column]]), justify="right", no_wrap=True, min_width=_CELL - 2)
    part = scores[:, list(columns)]
    totals = np.nansum(np.abs(part), axis=0)
    for row, token in enumerate(tokens):
        if np.isnan(part[row]).all():
            continue
        style = "bold" if token.segment == "generated" else "dim" if token.special else ""
        table.add_row(
            Text(_label(token), style=style),
            *(_cell(value, total) for value, total in zip(part[row], totals, strict=True)),
        )
    table.add_section()
    table.add_row(
        Text("probability", style="italic"), *(Text(f"{probability[column]:.3f}", style="italic") for column in columns)
    )
    return table


def _header(token: Token) -> Text:
    text = _label(token)
    return Text(text if len(text) <= _CELL else text[: _CELL - 1] + "…", style="bold")


def _cell(value: float, total: float) -> Text:
    if np.isnan(value):
        return Text("")
    share = abs(value) / total if total > 0 else 0.0
    strength = min(1.0, share * 1.6)  # a token with 60 % of the column is fully coloured
    red, green, blue = (round(24 + (channel - 24) * strength) for channel in (_POSITIVE if value >= 0 else _NEGATIVE))
    background = f"rgb({red},{green},{blue})" if strength > 0.06 else None
    return Text(number(value), style=Style(bgcolor=background, color="white" if background else None))


def _label(token: Token) -> str:
    return label(token.text)
