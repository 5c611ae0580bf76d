"""How wide a text is. The widths are DejaVu Sans's, which matplotlib brings, so files look alike on every computer."""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path

WIDE, OTHER = 1.0, 0.6  # em, for characters the font lacks: East Asian ones are as wide as high


def advance(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text at `size`, in the same unit."""
    return sum(_width(char, bold) for char in text) * size


def font_file(*, bold: bool = False) -> Path:
    """The font's file."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


def covered(char: str, *, bold: bool = False) -> bool:
    """Whether the font has a glyph for a character."""
    return ord(char) in _font(bold)


def wrap(text: str, size: float, width: float) -> list[str]:
    """Lines no wider than `width`, broken at spaces, and inside a word only where it alone is too wide."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if advance(longer, size) <= width:
            line = longer
            continue
        lines += [line] if line else []
        *whole, line = cut(word, size, width)
        lines += whole
    return [*lines, line] if line or not lines else lines


def cut(word: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """A word in pieces no wider than `width`, each of one character at least."""
    pieces, used = [""], 0.0
    for char in word:
        own = advance(char, size, bold=bold)
        if pieces[-1] and used + own > width:
            pieces.append("")
            used = 0.0
        pieces[-1] += char
        used += own
    return pieces


@functools.lru_cache(maxsize=8192)
def _width(char: str, bold: bool) -> float:
    known = _font(bold).get(ord(char))
    if known is not None:
        return known
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0.0
    return WIDE if unicodedata.east_asian_width(char) in "WF" or ord(char) > 0x1F000 else OTHER


@functools.lru_cache(maxsize=2)
def _font(bold: bool) -> dict[int, float]:
    """Widths in em by code point. 40 ms, once."""
    from fontTools.ttLib import TTFont

    with TTFont(font_file(bold=bold), lazy=True) as font:
        em, widths = font["head"].unitsPerEm, font["hmtx"].metrics
        return {code: widths[name][0] / em for code, name in font.getBestCmap().items()}
