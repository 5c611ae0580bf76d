"""Still pictures of neuron factors: the hues, curves and captions of the figure, in every picture format."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import made_results
import pypdfium2
import pytest
from PIL import Image

from spaces_app.export.formats import FORMATS, offered
from spaces_app.figures import drawing
from spaces_app.figures.still import layout
from spaces_app.figures.still.drawing import HUES, TINT, colour, hue_of
from spaces_app.figures.still.latex import latex
from spaces_app.figures.still.svg import svg
from spaces_app.serving import gallery

ROOT = Path(__file__).parents[2]
VALUES = ([0.0, 4.0, None, 1.0], [2.0, 0.1, 1.0, 2.0])
TOKENS = ("One", ",", " two", ",")


def made(values=VALUES, texts=TOKENS, *, state: str = "", **facts) -> dict:
    tokens = [
        {"id": i, "text": text, "segment": "generated" if i > 1 else "prompt", "special": False}
        for i, text in enumerate(texts)
    ]
    shares = [0.7, 0.3] if len(values) == 2 else [1 / len(values)] * len(values)
    factors = [
        {"number": f + 1, "share": share, "values": list(row), "layers": [1.0]}
        for f, (row, share) in enumerate(zip(values, shares, strict=True))
    ]
    badges = [{"label": "Model", "text": "m"}, {"label": "Result", "text": "recorded 2026-01-01"}]
    return {"kind": "neuron_factors", "tokens": tokens, "factors": factors, "state": state, "notes": ["One <note>."],
            "badges": badges, **facts}  # fmt: skip


def spans(value: dict) -> list:
    return [span for paragraph in drawing(value).paragraphs for span in paragraph.spans]


def pdflatex(text: str, folder: Path) -> str:
    """The words of the document that pdflatex makes. Fails with its first complaint."""
    (folder / "figure.tex").write_text(text, encoding="ascii")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "figure.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if line.startswith("!")]
    assert "Missing character" not in done.stdout
    pages = pypdfium2.PdfDocument(folder / "figure.pdf")
    return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)


def test_the_hues_are_those_of_the_page():
    css = (ROOT / "components/figure/curves.css").read_text(encoding="utf-8")
    light = "".join(line for line in css.splitlines(keepends=True) if "data-theme" not in line)
    assert tuple(re.findall(r"--sf-\d: (#[0-9a-f]{6})", light)) == HUES
    page = (ROOT / "components/neuron_factors/style.css").read_text(encoding="utf-8")
    assert f"calc(var(--sn-part, 0%) * {TINT})" in page
    assert hue_of(0) == (0xC2, 0x5A, 0x0A) == hue_of(8)


def test_each_token_has_the_hue_and_the_number_of_its_strongest_factor():
    found = spans(made())
    assert [span.note for span in found] == ["2", "1", "2", "2"]
    assert [span.hue for span in found] == [hue_of(1), hue_of(0), hue_of(1), hue_of(1)]
    assert [span.shade for span in found] == [1.0, 1.0, 0.5, 1.0]
    assert [span.bold for span in found] == [False, False, True, True]
    full = colour(1.0, hue_of(0))
    assert full == tuple(round(255 - (255 - channel) * 0.42) for channel in hue_of(0))


def test_a_factor_of_the_view_colours_the_text_alone():
    found = spans(made(state="factor:1"))
    assert [span.hue for span in found] == [None, hue_of(0), None, hue_of(0)]
    assert [span.shade for span in found] == [None, 1.0, None, 0.25] and not any(span.note for span in found)
    picture = drawing(made(state="factor:1"))
    assert picture.caption == "Factor 1 is most active at ‘,’; it holds 70\u00a0% of the activation."
    assert (picture.legend.high, picture.legend.hue) == ("4", hue_of(0))
    assert [curve.focus for curve in picture.curves] == [True, False]
    assert drawing(made(selected=0)) == picture, "a factor that was taken away is open"


def test_a_token_of_the_view_is_turned_round_and_marked_in_every_curve():
    picture = drawing(made(state="token:1"))
    assert [span.focus for span in picture.paragraphs[0].spans] == [False, True, False, False]
    assert [curve.at for curve in picture.curves] == [1, 1]
    assert picture.caption == "Factor 1 is the strongest at ‘,’."
    plain = drawing(made())
    assert drawing(made(state="token:9,factor:7")) == plain and [curve.at for curve in plain.curves] == [-1, -1]


def test_a_curve_says_number_share_and_strongest_tokens():
    first, second = drawing(made()).curves
    assert (first.name, first.number, first.about) == ("1", "70\u00a0%", ",")
    assert (second.name, second.number, second.about) == ("2", "30\u00a0%", "One, ,, two")
    assert first.values == (0.0, 1.0, None, 0.25)


def test_curves_are_lines_from_their_floor_to_their_height():
    page = layout.page(drawing(made()))
    lines = [item for item in page.items if isinstance(item, layout.Line)]
    assert len(lines) == 2
    (first, *_), (_, top), _, (last, _) = lines[0].points
    assert (lines[0].down - top) == pytest.approx(24) and first < last <= layout.WIDTH
    marked = [item for item in layout.page(drawing(made(state="token:1"))).items if isinstance(item, layout.Line)]
    assert len(marked) == 4 and marked[1].points[0][0] == marked[0].points[1][0]


def test_a_text_of_one_token_and_a_factor_that_never_fires_are_drawn():
    value = made(([0.0], [1.0]), ["One"])
    assert "One" in svg(layout.page(drawing(value)))
    assert r"\rule" in latex(drawing(value))


def test_an_authors_notes_stand_at_tokens_and_factors():
    picture = drawing(made(state="note:1-Comma,note:f2-Words"))
    assert picture.pins == ("① ‘,’: Comma", "② ‘Factor 2’: Words")
    assert picture.paragraphs[0].spans[1].marks == "①" and picture.curves[1].about.startswith("② ")


@pytest.mark.parametrize("state", ["", "factor:2", "token:3"])
def test_hostile_tokens_are_printed_as_they_are(state, tmp_path):
    rows = [[float(1 + (i + f) % 3) for i in range(len(made_results.HOSTILE))] for f in range(10)]
    value = made(rows, made_results.HOSTILE, state=state, notes=list(made_results.HOSTILE))
    text = pdflatex(latex(drawing(value)), tmp_path).replace(" ", "")
    for token in ("${alert(1)}", "<imgsrc=xonerror=window.pwned=3>", "&lt;b&gt;", "\\u00zz\\"):
        assert token in text, token
    written = svg(layout.page(drawing(value)))
    assert "<script" not in written and "<img" not in written and "onerror" in written


def test_recorded_factors_leave_in_every_picture_format(tmp_path):
    for example in gallery.examples("neuron_factors"):
        result = example.result
        assert [item.name for item in offered(result)] == ["html", "svg", "pdf", "png", "latex", "csv", "json"]
        written = FORMATS["svg"].data(result).decode("utf-8")
        assert written.count("<polyline") == result.spec.k
        assert Image.open(io.BytesIO(FORMATS["png"].data(result))).width >= 640
        text = pypdfium2.PdfDocument(FORMATS["pdf"].data(result))[0].get_textpage().get_text_range()
        assert result.notes["model"] in text and "Seqscope" in text
        assert result.notes["model"] in pdflatex(FORMATS["latex"].data(result).decode("ascii"), tmp_path)
