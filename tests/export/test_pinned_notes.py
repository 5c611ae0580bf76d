"""Notes of an author in files: marks where they are pinned, numbered texts below, and hostile texts as letters."""

from __future__ import annotations

import base64
import io
import re

import made_results
import pypdfium2
import pytest
from test_latex import compiled, words

from spaces_app.export.formats import figure_value
from spaces_app.export.html import embedded, standalone, table
from spaces_app.figures import drawing
from spaces_app.figures.still import layout, raster, svg
from spaces_app.figures.still.latex import latex
from spaces_app.figures.still.pins import Pin, lines, name_of, pins_of
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.serving.gallery import examples

HOSTILE = "</svg><script>alert(1)</script> \\input{/etc/passwd} $x_1$ & 100 % ~^{} \u202e"


def note(place: int | str, text: str) -> str:
    """A note as `packText` of components/figure/pin-text.js writes it, all of it packed."""
    packed = base64.urlsafe_b64encode(text.encode("utf-16-be")).decode().rstrip("=")
    return f"note:{place}-~{packed}~"


def heatmap(*notes: str, state: str = "sel:0-0") -> dict:
    return token_heatmap(made_results.keys(), state=",".join([state, *notes]))


TWO = ("note:1-why_it_is_plural", note(7, "日本語 ③"))


def test_notes_are_read_as_the_script_reads_them():
    value = heatmap(*TWO, "note:9999-nowhere", "note:2-~A~", "note:3-_._")
    assert pins_of(value) == (
        Pin("①", "1", "why it is plural"), Pin("②", "7", "日本語 ③"), Pin("③", "3", "."),
    )  # fmt: skip
    assert [pin.text for pin in pins_of(heatmap(note(0, " a\n\x00\u2003b ")))] == ["a b"]
    assert pins_of(heatmap(note(0, "x" * 140), note(0, "👩" * 70)))[1].text == "👩" * 70
    assert pins_of(heatmap(note(0, "x" * 141))) == pins_of(heatmap(note(0, " \n"))) == ()


def test_a_note_is_named_by_the_unit_the_view_counts_by():
    assert lines(heatmap(*TWO))[0] == "① ‘keys’: why it is plural"
    assert name_of(heatmap(state="unit:token"), "1") == "key"


def test_marks_stand_in_the_text_and_the_notes_below_the_caption():
    made = drawing(heatmap(*TWO, "note:2-again"))
    marked = {span.text.strip(): span.marks for paragraph in made.paragraphs for span in paragraph.spans if span.marks}
    assert marked == {"keys": "①③", "are": "②"}
    page = layout.page(made)
    texts = [item.text for item in page.items if isinstance(item, layout.Words)]
    assert texts[texts.index("①③") + 1] == "keys"
    order = (made.caption, *made.pins, made.notes[0])
    below = [next(i for i, text in enumerate(texts) if text[:20] == line[:20]) for line in order]
    assert below == sorted(below)
    plain = layout.page(drawing(heatmap()))
    assert page.height > plain.height and not any(mark in str(plain.items) for mark in "①②③")


def test_the_box_of_a_word_has_room_for_its_marks():
    made = layout.page(drawing(heatmap("note:1-a", "note:2-b")))
    box = next(item for i, item in enumerate(made.items) if _follows(made.items, i, "①②"))
    marks, word = (next(w for w in made.items if isinstance(w, layout.Words) and w.text == t) for t in ("①②", "keys"))
    assert box.x <= marks.x and marks.x + marks.width <= word.x + 1e-9
    assert word.x + word.width <= box.x + box.width + 1e-9


def _follows(items, i: int, text: str) -> bool:
    following = items[i + 1] if i + 1 < len(items) else None
    return isinstance(items[i], layout.Box) and isinstance(following, layout.Words) and following.text == text


def test_a_matrix_has_the_marks_in_front_of_its_names():
    made = drawing(heatmap(*TWO, state="sel:0-0,view:matrix"))
    assert "① keys" in made.grid.rows and "② are" in made.grid.columns and len(made.pins) == 2


PLACES = {
    "contrastive": lambda value: value["generated"][0],
    "context_reliance": lambda value: value["context"][1],
    "layers": lambda value: "1.2",
    "neuron_factors": lambda value: "f2",
}


@pytest.mark.parametrize("analysis", PLACES)
def test_every_kind_of_figure_brings_its_notes(analysis):
    result = examples(analysis)[0].result
    value = figure_value(result)
    value = figure_value(result, view=note(PLACES[analysis](value), HOSTILE))
    (line,) = lines(value)
    assert line.startswith("① ‘") and "<script>" in line
    assert "&lt;script&gt;alert(1)" in table(value) and "<script" not in table(value)
    made = drawing(value)
    assert made.pins == (line,)
    assert "①" in str(made.paragraphs) + str(made.grid) + str(made.curves)


def test_hostile_notes_are_letters_in_every_picture(tmp_path):
    made = drawing(heatmap(note(1, HOSTILE), note(7, "\\end{document}")))
    page = layout.page(made)
    shown = svg.svg(page)
    assert "<script" not in shown and "&lt;script&gt;alert(1)" in shown
    letters = "".join(re.findall("<text[^>]*>([^<]*)</text>", shown))
    assert "①" in letters and "②" in letters and "U+202E" in letters
    read = pypdfium2.PdfDocument(io.BytesIO(raster.pdf(page)))[0].get_textpage().get_text_range()
    assert "<script>alert(1)</script>" in " ".join(read.split()) and "①" in read
    assert len(raster.png(page)) > len(raster.png(layout.page(drawing(heatmap()))))
    document = words(compiled(latex(made), tmp_path))
    assert "\\input{/etc/passwd} $x" in document and "\\end{document}" in document


def test_pages_without_scripts_list_the_notes():
    value = heatmap(*TWO)
    for page in (standalone(value), embedded(value, href="?s=x")[0]):
        listed = re.search("<noscript>(.*?)</noscript>", page, re.DOTALL)[1]
        assert "<li>① ‘keys’: why it is plural</li>" in listed and "<li>② ‘are’: 日本語 ③</li>" in listed
    assert "<li>" not in table(heatmap())
