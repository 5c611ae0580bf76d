"""A drawing in its place: boxes, lines and texts with coordinates.

Lengths are CSS pixels; y grows downwards and a text's y is its baseline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from spaces_app.figures.still.drawing import (
    INK,
    LINE,
    MUTED,
    PAPER,
    Curve,
    Drawing,
    Grid,
    Legend,
    Paragraph,
    Span,
    colour,
)
from spaces_app.figures.still.font_metrics import advance, cut, wrap

WIDTH, MARGIN = 640.0, 16.0
TEXT, SMALL, TINY = 18.0, 13.0, 11.0
_MARK = 11.0  # the number of a note
_CELL = 16.0
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


@dataclass(frozen=True)
class Box:
    """A filled rectangle, rounded by `radius`, with an outline where `stroke` names a colour."""

    x: float
    y: float
    width: float
    height: float
    fill: tuple[int, int, int]
    radius: float = 0.0
    stroke: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Words:
    """A line of text of a known width. `turned` ones run upwards from (x, y)."""

    x: float
    y: float
    width: float
    text: str
    size: float
    fill: tuple[int, int, int] = INK
    bold: bool = False
    turned: bool = False


@dataclass(frozen=True)
class Dashes:
    """A dashed line below a text that speaks against what is explained: it must not hang on colour alone."""

    x: float
    y: float
    width: float
    fill: tuple[int, int, int]


@dataclass(frozen=True)
class Line:
    """A line through points; `down` is the y down to which the area below it is tinted, None for a bare line."""

    points: tuple[tuple[float, float], ...]
    stroke: tuple[int, int, int]
    down: float | None = None


@dataclass(frozen=True)
class Page:
    """Everything in its place, in the order of painting."""

    width: float
    height: float
    items: tuple[Box | Words | Dashes | Line, ...]
    title: str
    description: str
    source: str


def page(drawing: Drawing) -> Page:
    """The drawing as a page of fixed width (wider for a wide grid) and whatever height it needs."""
    items: list = []
    width, y = WIDTH, MARGIN
    for paragraph in drawing.paragraphs:
        y = _flow(paragraph, y, items)
    for curve in drawing.curves:
        y = _curve(curve, y, items)
    if drawing.grid is not None:
        width, y = _grid(drawing.grid, y, items)
    if drawing.legend is not None:
        y = _scale(drawing.legend, y + 6, items)
    pins, notes = ((pin, SMALL, INK) for pin in drawing.pins), ((note, TINY, MUTED) for note in drawing.notes)
    for text, size, fill in ((drawing.caption, SMALL, INK), *pins, *notes):
        for line in wrap(text, size, WIDTH - 2 * MARGIN) if text else ():
            y += size * 1.5
            items.append(Words(MARGIN, y - size * 0.4, advance(line, size), line, size, fill))
        y += 3
    height = y + MARGIN
    paper = Box(0, 0, width, height, PAPER)
    return Page(width, height, (paper, *items), drawing.title, drawing.caption, drawing.source)


@dataclass(frozen=True)
class _Piece:
    span: int
    lead: float
    text: str
    width: float
    marks: str = ""  # of notes, which stand before the text and within the width


def _size(span: Span) -> float:
    return TEXT * 0.7 if span.special else TEXT


def _flow(paragraph: Paragraph, y: float, items: list) -> float:
    if paragraph.label:
        y += TINY * 1.4
        items.append(
            Words(MARGIN, y - 4, advance(paragraph.label, TINY, bold=True), paragraph.label, TINY, MUTED, True)
        )
    has_notes = any(span.note for span in paragraph.spans)
    first = re.search(r"[^\W\d_]", "".join(span.text for span in paragraph.spans if not span.special))
    backwards = bool(first and _RIGHT_TO_LEFT.match(first[0]))
    for line in _lines(paragraph.spans, WIDTH - 2 * MARGIN):
        y += TEXT * (2.35 if has_notes else 1.75)
        _place(line, paragraph.spans, y - TEXT * (1.15 if has_notes else 0.55), items, backwards=backwards)
    return y + 8


def _lines(spans: tuple[Span, ...], width: float) -> list[list[_Piece]]:
    """Spans in lines. A span is broken at its spaces; its pieces on one line stay one box."""
    lines: list[list[_Piece]] = [[]]
    used = 0.0
    for number, span in enumerate(spans):
        size, marks = _size(span), span.marks
        for part in re.findall(r" *[^ ]+| +\Z", span.text):
            body = part.lstrip(" ")
            lead = advance(" ", size) * (len(part) - len(body))
            for text in cut(body, size, width, bold=span.bold):
                own = advance(text, size, bold=span.bold) + advance(marks, _MARK, bold=True)
                apart = used and (span.special or spans[number - 1].special) and lines[-1][-1].span != number
                lead = max(lead, 5.0) if apart else lead
                if used and used + lead + own > width:
                    lines.append([])
                    used = 0.0
                lead = lead if used else 0.0
                _append(lines[-1], _Piece(number, lead, text, own, marks))
                used += lead + own
                lead, marks = 0.0, ""
        for _ in range(min(span.breaks, 3)):
            lines.append([])
            used = 0.0
    return lines if lines[-1] or len(lines) == 1 else lines[:-1]


def _append(line: list[_Piece], piece: _Piece) -> None:
    if line and line[-1].span == piece.span:
        last = line[-1]
        space = " " if piece.lead else ""
        width = last.width + piece.lead + piece.width
        line[-1] = _Piece(last.span, last.lead, last.text + space + piece.text, width, last.marks)
    else:
        line.append(piece)


def _place(line: list[_Piece], spans: tuple[Span, ...], baseline: float, items: list, *, backwards: bool) -> None:
    x = MARGIN
    for i, piece in enumerate(line):
        x += piece.lead
        span, size = spans[piece.span], _size(spans[piece.span])
        # Half the space on either side belongs to the box; cells that touch share their border.
        joined = i > 0 and not piece.lead
        joining = i + 1 < len(line) and not line[i + 1].lead
        left, right = (0.0 if joined else 2.0), (0.0 if joining else 2.0)
        at = WIDTH - x - piece.width if backwards else x
        start, width = (at - (right if backwards else left)), piece.width + left + right
        fill = INK if span.focus else colour(span.shade, span.hue)
        stroke = LINE if span.special and not span.focus else None
        if fill != PAPER or stroke:
            radius = 4.0 if not (joined or joining) else 0.0
            items.append(Box(start, baseline - TEXT * 0.98, width, TEXT * 1.28, fill, radius, stroke))
        if span.hue and not span.focus:
            items.append(Box(start, baseline + TEXT * 0.2, width, 2, span.hue))
        faint = span.muted or (span.special and not span.hue)
        ink = PAPER if span.focus else MUTED if faint else INK
        own = advance(piece.marks, _MARK, bold=True)
        if piece.marks:
            mark_at = at + piece.width - own if backwards else at
            items.append(Words(mark_at, baseline - TEXT * 0.35, own, piece.marks, _MARK, ink, True))
        text_at = at if backwards else at + own
        items.append(Words(text_at, baseline, piece.width - own, piece.text, size, ink, span.bold))
        if span.shade is not None and span.shade < 0:
            items.append(Dashes(at, baseline + TEXT * 0.2, piece.width, ink))
        if span.note and (i == 0 or line[i - 1].span != piece.span):
            own = advance(span.note, TINY * 0.9)
            items.append(Words(at + (piece.width - own) / 2, baseline + TEXT * 0.78, own, span.note, TINY * 0.9, MUTED))
        x += piece.width


def _curve(curve: Curve, y: float, items: list) -> float:
    """A line along the text between its name and number on the left and what it is about on the right."""
    left, right, high = MARGIN + 92.0, MARGIN + 392.0, 26.0
    middle, floor = y + high / 2 + SMALL * 0.36, y + high
    own = advance(curve.name, TINY, bold=True)
    chip = max(20.0, own + 10)
    items.append(Box(MARGIN, middle - 13, chip, 17, curve.hue, 8.0))
    items.append(Words(MARGIN + (chip - own) / 2, middle - 0.5, own, curve.name, TINY, PAPER, True))
    own = advance(curve.number, TINY, bold=curve.focus)
    items.append(Words(left - 10 - own, middle, own, curve.number, TINY, INK if curve.focus else MUTED, curve.focus))
    step = (right - left) / max(1, len(curve.values) - 1)
    points = [(left + i * step, floor - (high - 2) * (v or 0.0)) for i, v in enumerate(curve.values)]
    points = points if len(points) > 1 else [(left, points[0][1]), (right, points[0][1])] if points else []
    if points:
        items.append(Line(tuple(points), curve.hue, floor))
    if curve.at >= 0:
        items.append(Line(((left + curve.at * step, y), (left + curve.at * step, floor)), INK))
    room = WIDTH - MARGIN - right - 12
    said = wrap(curve.about, TINY, room)[:1] if curve.about else []
    for line in said:
        short = line if line == curve.about else line.rstrip(", ") + " …"
        items.append(Words(right + 12, middle, advance(short, TINY), short, TINY, MUTED))
    return floor + 8


def _grid(grid: Grid, y: float, items: list) -> tuple[float, float]:
    names = max((advance(text, TINY, bold=i in grid.bold_rows) for i, text in enumerate(grid.rows)), default=0.0)
    head = max((advance(text, TINY, bold=True) for text in grid.columns), default=0.0)
    left, top = MARGIN + names + 6, y + head + 6
    for c, text in enumerate(grid.columns):
        x = left + (c + 0.5) * _CELL + TINY * 0.35
        items.append(Words(x, top - 4, advance(text, TINY, bold=True), text, TINY, INK, True, True))
    for r, text in enumerate(grid.rows):
        bold, middle = r in grid.bold_rows, top + (r + 0.5) * _CELL + TINY * 0.35
        own = advance(text, TINY, bold=bold)
        items.append(Words(left - 6 - own, middle, own, text, TINY, INK, bold))
        for c, shade in enumerate(grid.shades[r]):
            if shade is not None:
                cell = (left + c * _CELL, top + r * _CELL, _CELL - 1, _CELL - 1)
                items.append(Box(*cell, colour(shade), stroke=LINE if colour(shade) == PAPER else None))
                if shade < 0 and colour(shade) != PAPER:
                    items.append(Dashes(cell[0] + 3, cell[1] + _CELL / 2, _CELL - 7, INK))
    right = left + len(grid.columns) * _CELL + MARGIN
    return max(WIDTH, right), top + len(grid.rows) * _CELL + 10


def _scale(legend: Legend, y: float, items: list) -> float:
    y += TINY * 1.2
    x = MARGIN
    items.append(Words(x, y, advance(legend.low, TINY), legend.low, TINY, MUTED))
    x += advance(legend.low, TINY) + 6
    for step in range(24):
        part = step / 23 * 2 - 1 if legend.signed else step / 23
        items.append(Box(x + 5 * step, y - 9, 5, 10, colour(part, legend.hue)))
    x += 126
    items.append(Words(x, y, advance(legend.high, TINY), legend.high, TINY, MUTED))
    x += advance(legend.high, TINY) + 14
    for i, line in enumerate(wrap(legend.about, TINY, WIDTH - MARGIN - x)):
        y += TINY * 1.4 if i else 0
        items.append(Words(x, y, advance(line, TINY), line, TINY, MUTED))
    return y + 10
