"""A still picture before it has a place: shaded words, a grid, a legend, a caption."""

from __future__ import annotations

from dataclasses import dataclass, field

# The same hues as on screen, over white; text keeps a contrast of at least 4.5 on the darkest of them.
POSITIVE, NEGATIVE = (232, 119, 34), (59, 139, 224)
INK, MUTED, LINE, PAPER = (20, 23, 28), (86, 91, 100), (220, 223, 228), (255, 255, 255)
# Of what is told apart rather than measured, in the order of curves.css; a text's box takes so much of its hue at most.
HUES = ("#c25a0a", "#1d5fb8", "#0f7b5f", "#8b3fa0", "#7a6400", "#b02a52", "#3f6d86", "#5b5f68")
TINT = 0.42

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Span:
    """A piece of text with a shade: -1 to 1 of the colour scale, None where nothing was scored.

    `focus` marks what the picture explains (dark on light is turned round), `bold` what the model wrote, `muted` what
    stands outside, `note` is a small text below, such as a percentage. `breaks` counts the line breaks behind it.
    `marks` are the numbers of an author's notes, which stand raised before it. `hue` takes the place of the scale's
    colour.
    """

    text: str
    shade: float | None = None
    bold: bool = False
    focus: bool = False
    muted: bool = False
    special: bool = False
    note: str = ""
    breaks: int = 0
    marks: str = ""
    hue: RGB | None = None


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
class Curve:
    """One line along the text: `values` from 0 to 1 (None where nothing is known), a name, a number, what it is about.

    `at` is the place of a cursor, -1 for none; `focus` marks the one that the picture is about.
    """

    name: str
    number: str
    about: str
    values: tuple[float | None, ...]
    hue: RGB
    at: int = -1
    focus: bool = False


@dataclass(frozen=True)
class Legend:
    """The ends of the colour scale and what it measures."""

    low: str
    high: str
    about: str
    signed: bool = False
    hue: RGB | None = None


@dataclass(frozen=True)
class Drawing:
    """What a figure says, in order from top to bottom. Every text is a stranger's and may hold anything."""

    title: str
    paragraphs: tuple[Paragraph, ...] = ()
    grid: Grid | None = None
    legend: Legend | None = None
    caption: str = ""
    pins: tuple[str, ...] = ()  # an author's notes, numbered by the marks in the picture
    notes: tuple[str, ...] = field(default=())
    source: str = ""
    curves: tuple[Curve, ...] = ()


def colour(shade: float | None, hue: RGB | None = None) -> RGB:
    """The colour of a shade over white paper, in the 100 steps that the screen has too."""
    if shade is None or shade != shade:
        return PAPER
    part = round(min(1.0, abs(shade)) * 100) / 100
    if hue is not None:
        part *= TINT
    else:
        hue = NEGATIVE if shade < 0 else POSITIVE
    red, green, blue = (round(255 + (channel - 255) * part) for channel in hue)
    return red, green, blue


def hue_of(number: int) -> RGB:
    """The hue of the thing of that number, counted from 0; after the last comes the first again."""
    text = HUES[number % len(HUES)]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def hexadecimal(rgb: RGB) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
