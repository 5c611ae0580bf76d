"""A still picture before it has a place: shaded words, a grid, a legend, a caption. Knows no format and no view."""

from __future__ import annotations

from dataclasses import dataclass, field

# The same hues as on screen, over white; text keeps a contrast of at least 4.5 on the darkest of them.
POSITIVE, NEGATIVE = (232, 119, 34), (59, 139, 224)
INK, MUTED, LINE, PAPER = (20, 23, 28), (86, 91, 100), (220, 223, 228), (255, 255, 255)


@dataclass(frozen=True)
class Span:
    """A piece of text with a shade: -1 to 1 of the colour scale, None where nothing was scored.

    `focus` marks what the picture explains (dark on light is turned round), `bold` what the model wrote, `muted` what
    stands outside, `note` is a small text below, such as a percentage. `breaks` counts the line breaks behind it.
    """

    text: str
    shade: float | None = None
    bold: bool = False
    focus: bool = False
    muted: bool = False
    special: bool = False
    note: str = ""
    breaks: int = 0


@dataclass(frozen=True)
class Paragraph:
    """Spans that flow in lines, under a small label (may be empty)."""

    label: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Grid:
    """A matrix with labels: `shades[row][column]` as in Span. Bold rows are what the model wrote."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shades: tuple[tuple[float | None, ...], ...]
    bold_rows: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Legend:
    """The ends of the colour scale and what it measures."""

    low: str
    high: str
    about: str
    signed: bool = False


@dataclass(frozen=True)
class Drawing:
    """What a figure says, in order from top to bottom. Every text is a stranger's and may hold anything."""

    title: str
    paragraphs: tuple[Paragraph, ...] = ()
    grid: Grid | None = None
    legend: Legend | None = None
    caption: str = ""
    notes: tuple[str, ...] = field(default=())
    source: str = ""


def colour(shade: float | None) -> tuple[int, int, int]:
    """The colour of a shade over white paper, in the 100 steps that the screen has too."""
    if shade is None or shade != shade:
        return PAPER
    part = round(min(1.0, abs(shade)) * 100) / 100
    hue = NEGATIVE if shade < 0 else POSITIVE
    red, green, blue = (round(255 + (channel - 255) * part) for channel in hue)
    return red, green, blue


def hexadecimal(rgb: tuple[int, int, int]) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
