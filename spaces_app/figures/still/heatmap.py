"""The still picture of a token heatmap: same selection, units and caption as on screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spaces_app.errors import NotSupported
from spaces_app.figures.state import parse_state
from spaces_app.figures.still import captions, pins, units
from spaces_app.figures.still.drawing import Drawing, Grid, Legend, Paragraph, Span
from spaces_app.figures.still.pins import Pin
from spaces_app.figures.still.units import Ranking, Table

_LABELS = {"source": "Source", "prompt": "Prompt", "generated": "Output"}
_MAX_CELLS = 40_000  # of a grid; a picture with more is neither readable nor light


def token_heatmap(value: dict) -> Drawing:
    """The text with the selected words turned round and everything before them in the shades of their scores."""
    rows, columns = value["scores"]["rows"], value["scores"]["cols"]
    asked = {"unit": "word", "range": "token", "view": "flow"} | parse_state(value["state"], columns, rows)
    table = units.table_of(value, asked["unit"])
    source, span = _subject(value, table, asked)
    ranking = units.backward(table, source) if source is not None else units.forward(table, *span) if span else None
    pinned = pins.pins_of(value)
    common: dict[str, Any] = {
        "title": "".join(u.text for u in table.units if not u.special).strip() or "Nothing",
        "caption": _caption(value, table, ranking, source, span),
        "notes": (_provenance(value), *(captions.visible(note) for note in value["notes"])),
    }
    if asked["view"] == "matrix" and table.targets:
        whole = asked["range"] == "output"
        scale = _legend(value, asked, table.largest if whole else None)
        return Drawing(grid=_grid(table, whole, pinned), legend=scale, **common)
    # A value that is one of several on one scale says where that scale ends.
    domain = max(ranking.largest if ranking else 0.0, table.largest if asked["range"] == "output" else 0.0)
    domain = max(domain, _common_end(value))
    focus = {source} if source is not None else set(table.targets[span[0] : span[1] + 1]) if span else set()
    later = table.targets[span[1]] if span else len(table.units)
    percent = asked["view"] == "percent"
    spans = [
        replace(_span(unit, u, ranking, domain, focus=u in focus, later=u > later, percent=percent), marks=marks)
        for u, unit in enumerate(table.units)
        for marks in [_marks(unit, pinned)]
    ]
    legend = _legend(value, asked, domain or table.largest) if ranking else None
    return Drawing(paragraphs=_paragraphs(table, spans), legend=legend, **common)


def _common_end(value: dict) -> float:
    """The end of the scale that a value shares with others: `domain`, [low, high] or its end alone."""
    domain = value.get("domain") or 0.0
    return max(abs(end) for end in (domain if isinstance(domain, (list, tuple)) else [domain]))


def _subject(value: dict, table: Table, asked: dict) -> tuple[int | None, tuple[int, int] | None]:
    """What the picture is about: an input unit, or a span of targets."""
    if "in" in asked and "sel" not in asked:
        u = table.unit_of(asked["in"])
        if table.units[u].c0 < 0:
            return u, None
    selected = asked.get("sel") or value["selected"]
    return None, table.touched(*selected) if selected and table.targets else None


def _span(
    unit: units.Unit, u: int, ranking: Ranking | None, domain: float, *, focus: bool, later: bool, percent: bool
) -> Span:
    shade, note = None, ""
    if ranking is not None and ranking.values[u] == ranking.values[u] and not focus:
        shade = float(ranking.values[u]) / domain if domain > 0 else 0.0
        note = captions.percent(float(ranking.shares[u])) if percent and not later else ""
    return Span(
        text=captions.visible(unit.text),
        shade=shade,
        bold=unit.c0 >= 0,
        focus=focus,
        muted=later,
        special=unit.special,
        note=note,
        breaks=unit.text.count("\n"),
    )


def _paragraphs(table: Table, spans: list[Span]) -> tuple[Paragraph, ...]:
    """One flow for a decoder-only model; source and output apart for one that reads a source."""
    source = [span for unit, span in zip(table.units, spans, strict=True) if unit.segment == "source"]
    rest = [span for unit, span in zip(table.units, spans, strict=True) if unit.segment != "source"]
    if not source:
        return (Paragraph("", tuple(rest)),)
    return Paragraph(_LABELS["source"], tuple(source)), Paragraph(_LABELS["generated"], tuple(rest))


def _marks(unit: units.Unit, pinned: Sequence[Pin]) -> str:
    return pins.marks(pinned, range(unit.first, unit.last + 1)) if pinned else ""


def _grid(table: Table, whole: bool, pinned: Sequence[Pin]) -> Grid:
    scored = [u for u in range(len(table.units)) if (table.values[u] == table.values[u]).any()]
    if len(scored) * len(table.targets) > _MAX_CELLS:
        raise NotSupported(
            f"a still picture of {len(scored):,} × {len(table.targets):,} cells would not be readable.",
            hint="Choose a larger unit, or save the figure as HTML.",
        )

    def name(unit: units.Unit) -> str:
        return f"{_marks(unit, pinned)} {captions.label(unit.text, 24)}".lstrip()

    tops = [max((abs(x) for x in table.values[:, c] if x == x), default=0.0) for c in range(len(table.targets))]
    shades = tuple(
        tuple(_part(table.values[u, c], table.largest if whole else tops[c]) for c in range(len(table.targets)))
        for u in scored
    )
    return Grid(
        rows=tuple(name(table.units[u]) for u in scored),
        columns=tuple(name(table.units[u]) for u in table.targets),
        shades=shades,
        bold_rows=frozenset(i for i, u in enumerate(scored) if table.units[u].c0 >= 0),
    )


def _part(value: float, top: float) -> float | None:
    if value != value:
        return None
    return float(value / top) if top > 0 else 0.0


def _legend(value: dict, asked: dict, top: float | None) -> Legend:
    high = "strongest of the column" if top is None else captions.score(top)
    low = "0" if not value["signed"] else "against" if top is None else f"−{high}"
    unit = f" ({value['unit']})" if value["unit"] else ""
    many = "" if asked["unit"] == "token" else f" · a {asked['unit']} is the sum of its tokens"
    return Legend(low, high, captions.visible(f"Score{unit}{many}"), value["signed"])


def _caption(value: dict, table: Table, ranking: Ranking | None, source: int | None, span: Any) -> str:
    if ranking is None:
        return "Nothing is selected." if table.targets else "The model wrote nothing, so there is nothing to explain."
    if source is not None:
        return captions.backward_caption(table, ranking, source, signed=value["signed"])
    first = captions.forward_caption(table, ranking, span, signed=value["signed"])
    return first + captions.probability_caption(value["steps"], table, span)


def _provenance(value: dict) -> str:
    facts = {badge["label"]: badge["text"] for badge in value["badges"]}
    about = " of ".join(part for part in (value["method"], value["target"].lower()) if part)
    parts = [about, facts.get("Model", ""), re.sub(r"\Arecorded", "recorded on", facts.get("Result", "")), "Seqscope"]
    return captions.visible(" · ".join(part for part in parts if part))
