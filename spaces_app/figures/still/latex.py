r"""A drawing as LaTeX: boxes of colour around words (`\colorbox`), or a table of cells. Compiles with pdflatex alone.

Only ASCII is written, so the file means the same under every engine and input encoding. A character that pdflatex's
own fonts lack is shown by its code point there, and as itself under XeLaTeX and LuaLaTeX.
"""

from __future__ import annotations

import unicodedata

from spaces_app.figures.still.drawing import INK, MUTED, PAPER, Curve, Drawing, Grid, Legend, Paragraph, Span, colour
from spaces_app.figures.still.font_metrics import cut

_CURVE, _ABOUT = 170.0, 95  # points of width, of a curve and of what it is about
_LONGEST = 16.0  # em of a word in one piece; a box cannot be broken inside

_HEAD = r"""% Made by Seqscope. Compile with pdflatex; or copy what stands between \begin{document} and \end{document}
% into your document, and the lines from \usepackage on into its head.
\documentclass{article}
\pagestyle{empty}
\usepackage{color,graphicx}
\providecommand{\seqbox}[2]{{\setlength{\fboxsep}{1.5pt}\colorbox[RGB]{#1}{\strut#2}}}
\providecommand{\seqcell}[1]{{\setlength{\fboxsep}{0pt}\colorbox[RGB]{#1}{\rule{0pt}{9pt}\hspace{9pt}}}}
\providecommand{\seqink}[2]{{\color[RGB]{#1}#2}}
\providecommand{\seqnote}[2]{$\mathrm{\mathop{\hbox{#1}}\limits_{\hbox{\scriptsize #2}}}$}
% A character that is not in pdflatex's fonts: itself with XeLaTeX and LuaLaTeX, else its code point.
\providecommand{\seqchar}[1]{\ifdefined\Umathchar\char"#1\relax\else{\tiny U+#1}\fi}
"""
_ASCII = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"{\textasciigrave}",
    "'": "{'}",  # alone, so that two do not become one
    "-": "{-}",
    "?": "{?}",
    "!": "{!}",
    ",": "{,}",
}
_ASCII |= {'"': r"{\char34}", "`": r"{\char96}"}
_OTHERS = {
    "\u00a0": "~",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "…": r"\ldots{}",
    "−": r"\ensuremath{-}",
    "·": r"\ensuremath{\cdot}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "÷": r"\ensuremath{\div}",
    "°": r"\ensuremath{^\circ}",
    "→": r"\ensuremath{\rightarrow}",
    "←": r"\ensuremath{\leftarrow}",
    "∅": r"\ensuremath{\emptyset}",
    "∞": r"\ensuremath{\infty}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≠": r"\ensuremath{\neq}",
    "«": r"\ensuremath{\ll}",
    "»": r"\ensuremath{\gg}",
    "⏎": r"\ensuremath{\hookleftarrow}",
    "⇥": r"\ensuremath{\mapsto}",
    "␣": r"\textvisiblespace{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "£": r"\pounds{}",
    "©": r"\copyright{}",
    "¿": "?`",
    "¡": "!`",
}
_OTHERS |= {mark: rf"\textcircled{{\tiny {number}}}" for number, mark in enumerate("①②③④⑤", 1)}
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0306\u0304\u0307\u030b\u0327\u0323", "`'^~\"rvu=.Hcd", strict=True)
)
_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
_OTHERS |= {
    unicodedata.lookup(f"GREEK SMALL LETTER {name.upper().replace('LAMBDA', 'LAMDA')}"): rf"\ensuremath{{\{name}}}"
    for name in _GREEK.split()
}


def latex(drawing: Drawing) -> str:
    """The drawing as a LaTeX document of ASCII characters."""
    parts = [_paragraph(paragraph) for paragraph in drawing.paragraphs]
    parts += [_curves(drawing.curves)] if drawing.curves else []
    parts += [_grid(drawing.grid)] if drawing.grid is not None else []
    parts += [_legend(drawing.legend)] if drawing.legend is not None else []
    parts += [rf"{{\small {escape(drawing.caption)}\par}}"] if drawing.caption else []
    parts += [rf"{{\small {escape(pin)}\par}}" for pin in drawing.pins]
    parts += [rf"{{\footnotesize {_ink(MUTED, escape(note))}\par}}" for note in drawing.notes]
    body = "\n\n\\smallskip\n".join(parts)
    start = "\\begin{document}\n\\setlength{\\parindent}{0pt}%\n"
    return f"{_HEAD}{_comment(drawing)}{start}{body}\n\\end{{document}}\n"


def escape(text: str) -> str:
    """Text as ASCII LaTeX that shows it and does nothing else."""
    return "".join(_char(char) for char in text)


def _char(char: str) -> str:
    if char in _ASCII:
        return _ASCII[char]
    if " " <= char <= "~":
        return char
    if char in _OTHERS:
        return _OTHERS[char]
    base, *marks = list(unicodedata.normalize("NFD", char))
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii() and base.isalpha():
        letter = {"i": r"\i", "j": r"\j"}.get(base, base) if marks[0] not in "\u0327\u0323" else base
        return rf"{{\{_ACCENTS[marks[0]]}{{{letter}}}}}"
    return rf"\seqchar{{{ord(char):04X}}}"


def _paragraph(paragraph: Paragraph) -> str:
    label = rf"{{\footnotesize\textbf{{{escape(paragraph.label)}}}\par}}" + "\n" if paragraph.label else ""
    # Ragged and stretchable: boxes cannot be broken inside, so a line must be allowed to stay short.
    return f"{label}{{\\raggedright\\sloppy\\lineskip=3pt\n{_spans(paragraph.spans)}\\par}}"


def _spans(spans: tuple[Span, ...]) -> str:
    """One box to a line of the file, for editors and diffs; a comment sign keeps touching ones together."""
    out = ""
    for i, span in enumerate(spans):
        apart = span.text.startswith(" ") or (i > 0 and spans[i - 1].text.endswith(" "))
        # Words of one span are boxes of their own, between which a line may end; so are parts of an endless word.
        words = [cut(word, 1.0, _LONGEST) for word in span.text.split(" ") if word]
        boxes = ["%\n\\hspace{0pt}".join(_word(part, span) for part in parts) for parts in words]
        if boxes and span.marks:
            boxes[0] = rf"\textsuperscript{{{escape(span.marks)}}}" + boxes[0]
        if boxes and span.note:
            boxes[0] = rf"\seqnote{{{boxes[0]}}}{{{escape(span.note)}}}"
        out += ("\n" if apart else "%\n\\hspace{0pt}") if i else ""
        out += "\n".join(boxes) + "\\\\" * bool(span.breaks and boxes)
    return out


def _word(word: str, span: Span) -> str:
    text = escape(word)
    text = rf"\textbf{{{text}}}" if span.bold else text
    text = rf"{{\footnotesize {text}}}" if span.special else text
    if span.shade is not None and span.shade < 0:
        text = rf"\underline{{{text}}}"
    if span.focus:
        text = _box(INK, _ink(PAPER, text))
    elif colour(span.shade, span.hue) != PAPER:
        text = _box(colour(span.shade, span.hue), text)
    elif span.muted:
        text = _ink(MUTED, text)
    return text


def _curves(curves: tuple[Curve, ...]) -> str:
    """A table of bars, one for each token: pdflatex alone draws no slanted lines."""
    rows = []
    for curve in curves:
        step = _CURVE / max(1, len(curve.values))
        bars = "".join(
            _ink(INK if i == curve.at else curve.hue, rf"\rule{{{step:.3f}pt}}{{{0.3 + 17 * (value or 0):.2f}pt}}")
            for i, value in enumerate(curve.values)
        )
        name = _box(curve.hue, _ink(PAPER, rf"\scriptsize\textbf{{{escape(curve.name)}}}"))
        number = rf"\textbf{{{escape(curve.number)}}}" if curve.focus else escape(curve.number)
        about = rf"\parbox[b]{{{_ABOUT}pt}}{{\scriptsize\raggedright {_ink(MUTED, escape(curve.about))}}}"
        rows.append(rf"{name} & {{\scriptsize {number}}} & {bars} & {about}")
    lines = " \\\\[4pt]\n".join(rows)
    return f"\\begin{{tabular}}{{@{{}}lrll@{{}}}}\n{lines}\n\\end{{tabular}}\\par"


def _grid(grid: Grid) -> str:
    head = " & ".join(rf"\rotatebox{{90}}{{\scriptsize\textbf{{{escape(text)}}}}}" for text in grid.columns)
    rows = []
    for r, text in enumerate(grid.rows):
        name = rf"\textbf{{{escape(text)}}}" if r in grid.bold_rows else escape(text)
        cells = ("" if shade is None else rf"\seqcell{{{_rgb(colour(shade))}}}" for shade in grid.shades[r])
        rows.append(rf"{{\scriptsize {name}}} & " + " & ".join(cells))
    lines = " \\\\[-1pt]\n".join([f" & {head}", *rows])
    columns = "r" + "@{\\hspace{1pt}}c" * len(grid.columns)
    return f"{{\\renewcommand{{\\arraystretch}}{{0.9}}\\begin{{tabular}}{{{columns}}}\n{lines}\n\\end{{tabular}}\\par}}"


def _legend(legend: Legend) -> str:
    steps = [step / 11 * 2 - 1 if legend.signed else step / 11 for step in range(12)]
    bar = "".join(rf"\seqcell{{{_rgb(colour(part, legend.hue))}}}" for part in steps)
    return rf"{{\footnotesize {escape(legend.low)} {bar} {escape(legend.high)}\quad {escape(legend.about)}\par}}"


def _box(rgb: tuple[int, int, int], text: str) -> str:
    return rf"\seqbox{{{_rgb(rgb)}}}{{{text}}}"


def _ink(rgb: tuple[int, int, int], text: str) -> str:
    return rf"\seqink{{{_rgb(rgb)}}}{{{text}}}"


def _rgb(rgb: tuple[int, int, int]) -> str:
    return ",".join(map(str, rgb))


def _comment(drawing: Drawing) -> str:
    """The link, as a comment: ASCII of one line, so that nothing can follow it."""
    line = "".join(char for char in drawing.source if " " <= char <= "~")
    return f"% {line}\n" if line else ""
