"""A page as PNG or PDF, painted by matplotlib, which captum brings anyway: no system library, no browser.

Letters come from DejaVu Sans, and from the computer's own fonts for scripts it lacks; where there is none either,
a character shows as a box. PDFs keep text as text, with the fonts inside.
"""

from __future__ import annotations

import functools
import io
import threading
import warnings
from typing import TYPE_CHECKING, Any

from spaces_app.figures.still.font_metrics import covered
from spaces_app.figures.still.layout import Box, Dashes, Line, Page, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_POINT = 0.75  # points to a CSS pixel
_MAX_PIXELS = 40_000_000  # of a PNG; 160 MB while it is painted
_PAINTING = threading.Lock()  # matplotlib's settings belong to the whole process
_SETTINGS: Any = {"pdf.fonttype": 42, "text.usetex": False, "text.hinting": "no_hinting", "svg.fonttype": "none"}


def png(page: Page, *, scale: float = 2.0) -> bytes:
    """The page as a PNG of `scale` pixels to a CSS pixel, fewer where that would be too many."""
    scale = min(scale, (_MAX_PIXELS / (page.width * page.height)) ** 0.5, 30_000 / max(page.width, page.height))
    about = {"Title": page.title, "Description": page.description, "Source": page.source, "Software": "Seqscope"}
    return _paint(page, "png", dpi=72 / _POINT * scale, metadata={k: _latin(v) for k, v in about.items() if v})


def pdf(page: Page) -> bytes:
    """The page as a PDF: vector, text as text, fonts embedded, no date (equal figures are equal files)."""
    about = {"Title": page.title, "Subject": page.description, "Keywords": page.source, "Creator": "Seqscope"}
    metadata = {name: text.encode("utf-8", "replace").decode() for name, text in about.items() if text}
    return _paint(page, "pdf", dpi=72, metadata=metadata | {"CreationDate": None})


def _paint(page: Page, kind: str, *, dpi: float, metadata: dict) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    target = io.BytesIO()
    with _PAINTING, warnings.catch_warnings(), matplotlib.rc_context(_SETTINGS):
        warnings.simplefilter("ignore")  # of a glyph that no font has: its box says so
        figure = Figure(figsize=(page.width * _POINT / 72, page.height * _POINT / 72), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, page.width)
        axes.set_ylim(page.height, 0)
        fonts = ["DejaVu Sans", *_fallbacks(_missing(page))]
        for item in page.items:
            _add(axes, item, fonts)
        figure.savefig(target, format=kind, dpi=dpi, metadata=metadata)
    return target.getvalue()


def _add(axes: Axes, item: Box | Words | Dashes | Line, fonts: list[str]) -> None:
    from matplotlib.patches import FancyBboxPatch, Patch, Rectangle

    if isinstance(item, Line):
        return _line(axes, item)
    fill = tuple(channel / 255 for channel in item.fill)
    if isinstance(item, Box):
        line = (
            {"linewidth": 0.56, "edgecolor": tuple(c / 255 for c in item.stroke)} if item.stroke else {"linewidth": 0}
        )
        patch: Patch
        if item.radius:
            shape = f"round,pad=0,rounding_size={item.radius}"
            patch = FancyBboxPatch((item.x, item.y), item.width, item.height, boxstyle=shape, facecolor=fill, **line)
        else:
            patch = Rectangle((item.x, item.y), item.width, item.height, facecolor=fill, **line)
        axes.add_patch(patch)
    elif isinstance(item, Dashes):
        dashes = (0, (4 * _POINT, 2.5 * _POINT))
        axes.plot([item.x, item.x + item.width], [item.y] * 2, color=fill, linewidth=1.3 * _POINT, linestyle=dashes)
    else:
        axes.text(
            item.x,
            item.y,
            item.text,
            fontsize=item.size * _POINT,
            color=fill,
            fontweight="bold" if item.bold else "normal",
            fontfamily=fonts,
            rotation=90 if item.turned else 0,
            verticalalignment="baseline",
            horizontalalignment="right" if item.turned else "left",
            rotation_mode="default",
            parse_math=False,  # a stranger's $x_1$ is no formula
        )


def _line(axes: Axes, item: Line) -> None:
    xs, ys = zip(*item.points, strict=True)
    stroke = tuple(channel / 255 for channel in item.stroke)
    if item.down is not None:
        axes.fill_between(xs, ys, item.down, color=stroke, alpha=0.2, linewidth=0)
    axes.plot(xs, ys, color=stroke, linewidth=1.4 * _POINT, solid_joinstyle="round")


def _missing(page: Page) -> frozenset[str]:
    texts = "".join(item.text for item in page.items if isinstance(item, Words))
    return frozenset(char for char in set(texts) if not covered(char))


@functools.lru_cache(maxsize=64)
def _fallbacks(missing: frozenset[str]) -> tuple[str, ...]:
    """Families of this computer's fonts that have the characters, as few as the order of their names gives."""
    if not missing:
        return ()
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    left, families = {ord(char) for char in missing}, []
    regular = [
        e for e in fontManager.ttflist if e.style == "normal" and e.weight == 400 and "Last Resort" not in e.name
    ]
    for entry in sorted(regular, key=lambda e: (not e.name.startswith("Noto Sans"), e.name)):
        try:
            found = left & FT2Font(entry.fname).get_charmap().keys()
        except (OSError, RuntimeError):  # a bitmap font, as emoji fonts are
            continue
        if found:
            families.append(entry.name)
            left -= found
        if not left:
            break
    return tuple(families)


def _latin(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")
