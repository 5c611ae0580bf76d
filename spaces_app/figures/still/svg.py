"""A page as SVG: vector, text as text, no script, no style sheet, no address but the namespace."""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from spaces_app.figures.still.drawing import hexadecimal
from spaces_app.figures.still.layout import Box, Dashes, Line, Page, Words

_FONTS = "'DejaVu Sans',Verdana,'Noto Sans','Noto Sans CJK SC',Arial,sans-serif"
# What XML 1.0 forbids even as a reference.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def svg(page: Page) -> str:
    """The page as an SVG document.

    Every text says how wide it is (`textLength`), so that it fits its box in whatever font the reader has.
    """
    body = "\n".join(_element(item) for item in page.items)
    size = f'width="{_n(page.width)}" height="{_n(page.height)}" viewBox="0 0 {_n(page.width)} {_n(page.height)}"'
    made = f"<metadata>{_text(page.source)}</metadata>\n" if page.source else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc" '
        f'font-family="{_FONTS}">\n<title id="title">{_text(page.title)}</title>\n'
        f'<desc id="desc">{_text(page.description)}</desc>\n{made}{body}\n</svg>\n'
    )


def _element(item: Box | Words | Dashes | Line) -> str:
    if isinstance(item, Box):
        round_, line = (f' rx="{_n(item.radius)}"' if item.radius else ""), ""
        if item.stroke:
            line = f' stroke="{hexadecimal(item.stroke)}" stroke-width="0.75"'
        place = f'x="{_n(item.x)}" y="{_n(item.y)}" width="{_n(item.width)}" height="{_n(item.height)}"'
        return f'<rect {place}{round_} fill="{hexadecimal(item.fill)}"{line}/>'
    if isinstance(item, Dashes):
        path = f"M{_n(item.x)} {_n(item.y)}h{_n(item.width)}"
        return f'<path d="{path}" stroke="{hexadecimal(item.fill)}" stroke-width="1.3" stroke-dasharray="4 2.5"/>'
    if isinstance(item, Line):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in item.points)
        line = f'<polyline points="{points}" fill="none" stroke="{hexadecimal(item.stroke)}" stroke-width="1.4"/>'
        if item.down is None:
            return line
        (first, _), (last, _) = item.points[0], item.points[-1]
        area = f"{_n(first)},{_n(item.down)} {points} {_n(last)},{_n(item.down)}"
        return f'<polygon points="{area}" fill="{hexadecimal(item.stroke)}" fill-opacity="0.2"/>\n{line}'
    place = f'x="{_n(item.x)}" y="{_n(item.y)}"'
    turn = f' transform="rotate(-90 {_n(item.x)} {_n(item.y)})"' if item.turned else ""
    weight = ' font-weight="700"' if item.bold else ""
    fit = f' textLength="{_n(item.width)}" lengthAdjust="spacingAndGlyphs"' if item.width > 0 else ""
    fill = hexadecimal(item.fill)
    return (
        f'<text {place} font-size="{_n(item.size)}" fill="{fill}"{weight}{fit}{turn} xml:space="preserve">'
        f"{_text(item.text)}</text>"
    )


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text), {"'": "&#39;", '"': "&quot;"})[1:-1]
