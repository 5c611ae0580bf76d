"""LaTeX that pdflatex compiles, whatever strangers wrote. pdflatex runs here; without it these tests fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

import made_results
import pypdfium2
import pytest

from spaces_app.figures import drawing
from spaces_app.figures.still.latex import escape, latex
from spaces_app.figures.token_heatmap import token_heatmap

ODD = made_results.result(
    [
        "Ünïcödé «naïve» “x” — ½ α λ",
        "\n 中文 العربية 👨‍👩‍👧 \u202e\u0000 ffi",
        " $x_1^2$ % # & ~ ^ \\ { } --- ``'' ?` !` << ,,",
    ],
    [" ça", "\ud83d", " ł ő ǵ ḍ", " \\end{document}", "\\input{/etc/passwd}"],
)


def compiled(text: str, folder: Path) -> pypdfium2.PdfDocument:
    """The document that pdflatex makes, with file access as strict as it can be. Fails with its first complaint."""
    (folder / "figure.tex").write_text(text, encoding="ascii")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "figure.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stdout.splitlines() if line.startswith("!")]
    assert done.returncode == 0, complaints
    assert "Missing character" not in done.stdout
    return pypdfium2.PdfDocument(folder / "figure.pdf")


def words(document: pypdfium2.PdfDocument) -> str:
    return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in document)


def made(result, state: str = "") -> str:
    return latex(drawing(token_heatmap(result, state=state)))


@pytest.mark.parametrize("state", ["", "view:percent", "view:matrix"])
@pytest.mark.parametrize(
    "result",
    [made_results.keys(), made_results.signed_keys(), made_results.hostile(), ODD],
    ids=["keys", "signed", "hostile", "odd"],
)
def test_pdflatex_compiles_every_figure(result, state, tmp_path):
    compiled(made(result, state), tmp_path)


def test_the_words_and_the_caption_stand_in_the_document(tmp_path):
    text = words(compiled(made(made_results.keys()), tmp_path))
    assert text.startswith("The keys to the cabinet are on time.")
    assert "‘are’ relies most on ‘keys’ (60 %), then ‘The’ (20 %) and ‘the’ (10 %)." in text


def test_hostile_text_is_printed_as_it_is(tmp_path):
    text = words(compiled(made(made_results.hostile()), tmp_path)).replace(" ", "")
    for token in ("${alert(1)}", "<imgsrc=xonerror=window.pwned=3>", "&lt;b&gt;", "\\u00zz\\"):
        assert token in text, token


def test_commands_in_the_text_are_no_commands(tmp_path):
    text = words(compiled(made(ODD, "sel:4-4"), tmp_path)).replace(" ", "")
    # pdflatex draws an underscore as a line, which is no character of the document.
    for token in ("\\end{document}", "\\input{/etc/passwd}", "$x", "1ˆ2$", "---", "<<"):
        assert token in text, token
    assert "U+4E2D" in text, "a character that no font of pdflatex has shows its code point"


def test_each_box_has_the_colour_of_its_shade():
    lines = made(made_results.keys()).splitlines()
    assert "\\seqbox{232,119,34}{keys}" in lines  # the full hue
    assert "\\seqbox{247,210,182}{The}" in lines  # 0.1 of 0.3: 255 + (232 − 255) · 0.33 and so on
    assert "to" in lines and "\\seqbox{20,23,28}{\\seqink{255,255,255}{\\textbf{are}}}" in lines


def test_every_ascii_character_survives(tmp_path):
    # Without the underscore, which pdflatex draws as a line.
    every = "".join(chr(code) for code in range(33, 127) if chr(code) != "_")
    document = f"\\documentclass{{article}}\\begin{{document}}\\noindent {escape(every)}\\end{{document}}"
    text = words(compiled(document, tmp_path)).split(" ")[0]
    likeness = str.maketrans({"’": "'", "‘": "`", "ˆ": "^", "˜": "~", "”": '"'})
    assert text.translate(likeness) == every


def test_accents_become_commands_that_every_font_has():
    assert escape("é ï ç ß «") == r"{\'{e}} {\"{\i}} {\c{c}} \ss{} \ensuremath{\ll}"
    assert escape("中\u0301") == r"\seqchar{4E2D}\seqchar{0301}"


def test_the_link_is_a_comment_that_cannot_end():
    from dataclasses import replace

    figure = replace(drawing(token_heatmap(made_results.keys())), source="?s=abc\n\\bad é")
    assert "% ?s=abc\\bad \n\\begin{document}" in latex(figure)
