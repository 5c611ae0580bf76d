"""Still pictures say what the figure says: the same shades, shares and caption, in SVG, PNG and PDF alike."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

import made_results
import pypdfium2
import pytest
import resvg_py
from PIL import Image

from spaces_app.errors import NotSupported
from spaces_app.figures import drawing
from spaces_app.figures.still import layout, raster, svg
from spaces_app.figures.still.captions import label, percent, probability, score, visible
from spaces_app.figures.still.drawing import Drawing, Paragraph, Span, colour
from spaces_app.figures.still.font_metrics import advance, font_file, wrap
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.results import Result

XML = "{http://www.w3.org/2000/svg}"


def drawn(result: Result, state: str = "") -> Drawing:
    return drawing(token_heatmap(result, state=state))


def shades(made: Drawing) -> dict[str, float]:
    spans = [span for paragraph in made.paragraphs for span in paragraph.spans]
    return {span.text: round(span.shade, 7) for span in spans if span.shade is not None}


def boxes(page: layout.Page) -> dict[str, layout.Box]:
    """The box behind each text; texts without one are left out."""
    found, last = {}, None
    for item in page.items[1:]:
        if isinstance(item, layout.Words) and last is not None and item.size == layout.TEXT:
            found[item.text] = last
        last = item if isinstance(item, layout.Box) else None
    return found


# What is drawn ----------------------------------------------------------------------------------------------------


def test_the_strongest_word_has_the_full_shade_and_the_others_their_part_of_it():
    made = drawn(made_results.keys())
    assert shades(made) == {
        "The": pytest.approx(0.1 / 0.3), " keys": 1.0, " to": 0.0, " the": pytest.approx(0.05 / 0.3),
        " cabinet": pytest.approx(0.05 / 0.3),
    }  # fmt: skip
    spans = {span.text: span for span in made.paragraphs[0].spans}
    assert spans[" are"].focus and spans[" are"].bold and not spans[" keys"].bold
    assert [text for text, span in spans.items() if span.muted] == [" on", " time", "."]


def test_the_caption_and_the_legend_name_the_same_numbers():
    made = drawn(made_results.keys())
    assert made.caption == (
        "‘are’ relies most on ‘keys’ (60\u00a0%), then ‘The’ (20\u00a0%) and ‘the’ (10\u00a0%). "
        "The model gave ‘are’ 62\u00a0%."
    )
    assert (made.legend.low, made.legend.high) == ("0", "0.3")
    assert made.legend.about == "Score (probability) · a word is the sum of its tokens"


def test_tokens_words_and_the_range_follow_the_view():
    assert shades(drawn(made_results.keys(), "unit:token"))[" key"] == 1.0
    assert shades(drawn(made_results.keys(), "unit:token"))["s"] == 0.5
    whole = shades(drawn(made_results.keys(), "range:output"))  # " time" has 1.0 from " on"
    assert whole[" keys"] == pytest.approx(0.3)
    assert shades(drawn(made_results.keys(), "sel:1-1"))[" keys"] == 1.0  # 0.4 of " on"


def test_what_speaks_against_has_a_negative_shade_and_a_line_below_it():
    made = drawn(made_results.signed_keys())
    assert shades(made)["The"] == pytest.approx(-0.1 / 0.3)
    page = layout.page(made)
    below = [item for item in page.items if isinstance(item, layout.Dashes)]
    assert len(below) == 2  # "The" and "cabinet"
    assert (made.legend.low, made.legend.high) == ("−0.3", "0.3")


def test_an_input_can_be_the_subject():
    made = drawn(made_results.keys(), "in:1")
    assert shades(made) == {" are": pytest.approx(0.3 / 0.4), " on": 1.0, " time": 0.0, ".": 0.0}
    assert made.caption == "‘keys’ matters most for ‘on’ (40\u00a0% of its score), then ‘are’."


def test_percentages_stand_below_the_words_in_the_percent_view():
    spans = drawn(made_results.keys(), "view:percent").paragraphs[0].spans
    assert [span.note for span in spans[:5]] == [f"{n}\u00a0%" for n in (20, 60, 0, 10, 10)]
    assert not any(span.note for span in spans[5:])


def test_the_matrix_has_a_row_for_each_scored_unit_and_colours_by_column():
    grid = drawn(made_results.keys(), "view:matrix").grid
    assert grid.columns == ("are", "on", "time", ".")
    assert grid.rows == ("The", "keys", "to", "the", "cabinet", "are", "on", "time")
    assert grid.shades[1] == (pytest.approx(1.0), pytest.approx(1.0), 0.0, 0.0)
    assert [row[0] for row in grid.shades[5:]] == [None, None, None]
    assert grid.bold_rows == {5, 6, 7}


def test_a_source_and_an_output_stand_apart():
    result = made_results.result(["<s>"], [" Il"], source=["It", " was"], special=("<s>",))
    assert [paragraph.label for paragraph in drawn(result).paragraphs] == ["Source", "Output"]


def test_an_output_of_nothing_is_drawn_too():
    made = drawn(made_results.result(["Hello"], []))
    assert made.caption == "The model wrote nothing, so there is nothing to explain." and made.legend is None
    assert "Hello" in svg.svg(layout.page(made))


def test_a_value_of_several_on_one_scale_keeps_to_that_scale():
    value = token_heatmap(made_results.keys()) | {"domain": 0.6}
    assert shades(drawing(value))[" keys"] == pytest.approx(0.5)
    assert drawing(value).legend.high == "0.6"


def test_a_matrix_that_nobody_could_read_is_refused_with_its_size():
    with pytest.raises(NotSupported, match="439 × 140 cells"):
        drawn(made_results.large(300, 140), "view:matrix")


def test_a_kind_without_a_picture_says_so():
    with pytest.raises(NotSupported, match="the odd thing figure has no still picture"):
        drawing({"kind": "odd_thing"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "∅"), ("   ", "␣␣␣"), ("a\nb", "a⏎b"), ("\t", "⇥"), ("\x00", "␀"), ("\x7f", "␡"), ("x\u202ey", "xU+202Ey"),
        ("\ud83d", "\ufffd"), ("\u200d", "U+200D"), ("👨\u200d👩", "👨\u200d👩"), (" key ", " key "),
    ],
)  # fmt: skip
def test_invisible_characters_become_visible(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (0.12345, "0.123"), (-2, "−2"), (1234.5, "1230"), (0.00012, "0.00012"), (1.5e-7, "1.5e−7"),
        (-3.004e6, "−3e6"), (float("nan"), "–"), (None, "–"), (999.9, "1000"),
    ],
)  # fmt: skip
def test_scores_have_three_digits(value, shown):
    assert score(value) == shown


def test_shares_have_the_digits_that_matter():
    texts = [percent(x) for x in (0, 0.0004, 0.0312, 0.31, 0.985, 0.9995, 1, -0.5)]
    expected = ["0 %", "<0.1 %", "3.1 %", "31 %", "99 %", ">99.9 %", "100 %", "−50 %"]
    assert texts == [text.replace(" ", "\u00a0") for text in expected]
    assert probability(0.0000123) == "0.00123\u00a0%"


def test_long_texts_are_cut_in_the_middle_at_a_word():
    text = "the quick brown fox jumps over the lazy dog and runs away"
    assert label(text, 32) == "the quick brown fox … runs away" and label(" short ", 32) == "short"


# Where it stands ---------------------------------------------------------------------------------------------------


def test_no_text_leaves_the_page_and_no_two_lines_overlap():
    words = " ".join(f"word{i}" for i in range(200)).split(" ")
    result = made_results.result(words[:1] + [f" {w}" for w in words[1:]] + [" " + "endless" * 40], [" yes"])
    page = layout.page(drawn(result))
    texts = [item for item in page.items if isinstance(item, layout.Words)]
    assert all(item.x >= layout.MARGIN - 0.01 for item in texts)
    assert all(item.x + item.width <= layout.WIDTH - layout.MARGIN + 0.01 for item in texts)
    assert "".join(item.text for item in texts if item.size == layout.TEXT).replace(" ", "") == "".join(
        token.text.strip() for token in result.tokens
    )
    lines = sorted({item.y for item in texts if item.size == layout.TEXT})
    assert min(b - a for a, b in zip(lines, lines[1:], strict=False)) >= layout.TEXT * 1.28  # the height of a box
    assert page.height > lines[-1]


def test_words_of_right_to_left_scripts_run_from_the_right():
    page = layout.page(drawn(made_results.result(["שלום", " עולם"], [" טוב"])))
    places = {item.text: item.x for item in page.items if isinstance(item, layout.Words)}
    assert places["שלום"] > places["עולם"] > places["טוב"]


def test_a_width_is_the_sum_of_the_font_s_own():
    # From the font: A is 1401 of 2048 units wide, space 651; a character it lacks and that is wide takes one em.
    assert advance("A ", 10) == pytest.approx((1401 + 651) / 2048 * 10)
    assert advance("中", 10) == 10 and advance("A", 10, bold=True) > advance("A", 10)
    assert wrap("aa bb cc", 10, advance("aa bb", 10)) == ["aa bb", "cc"]


# The files -----------------------------------------------------------------------------------------------------------


def test_an_svg_is_text_and_boxes_and_cannot_do_anything():
    for state in ("", "view:percent", "view:matrix"):
        text = svg.svg(layout.page(drawn(made_results.hostile(), state)))
        root = ET.fromstring(text)
        assert {item.tag.removeprefix(XML) for item in root.iter()} <= {"svg", "title", "desc", "rect", "text", "path"}
        names = {name for item in root.iter() for name in item.attrib}
        assert not [name for name in names if name.startswith("on") or "href" in name or name == "style"]
        assert not re.search(r"url\(|<!|<\?|javascript:", text.replace("&lt;!", ""))
    words = "".join(item.text or "" for item in ET.fromstring(svg.svg(layout.page(drawn(made_results.hostile())))))
    assert "</script><script>window.pwned=4</script>" in words


def test_an_svg_of_any_characters_is_well_formed():
    odd = ["\x00\x01", "\ud800", "\ufffe", "]]>", "&amp;", "\u202e", "𝒳", "a\nb"]
    ET.fromstring(svg.svg(layout.page(drawn(made_results.result(["odd"], odd)))))


def test_every_renderer_paints_the_same_shades():
    """The corner of a word's box has the shade's colour in SVG (by resvg), PNG (by Pillow) and PDF (by PDFium)."""
    made = drawn(made_results.signed_keys())
    page = layout.page(made)
    fonts = [str(font_file()), str(font_file(bold=True))]
    vector = svg.svg(page)
    pictures = {
        "svg": resvg_py.svg_to_bytes(svg_string=vector, font_files=fonts, skip_system_fonts=True, zoom=2),
        "png": raster.png(page, scale=2),
    }
    images = {name: Image.open(io.BytesIO(data)).convert("RGB") for name, data in pictures.items()}
    document = pypdfium2.PdfDocument(raster.pdf(page))
    images["pdf"] = document[0].render(scale=2 / 0.75).to_pil().convert("RGB")
    shaded = shades(made)
    for name, image in images.items():
        assert abs(image.width - 2 * page.width) <= 2 and abs(image.height - 2 * page.height) <= 2, name
        for text, box in boxes(page).items():
            shade = next((s for word, s in shaded.items() if word.strip() == text), None)
            if shade is None:
                continue
            found = image.getpixel((round(2 * (box.x + 1.2)), round(2 * (box.y + box.height / 2))))
            assert max(abs(a - b) for a, b in zip(found, colour(shade), strict=True)) <= 3, (name, text, found)
        focus = boxes(page)["are"]
        dark = image.getpixel((round(2 * (focus.x + 1.2)), round(2 * (focus.y + focus.height / 2))))
        assert max(dark) < 45, name


def test_the_letters_of_an_svg_stay_in_their_box_in_whatever_font():
    """resvg with a font that is far wider than the one the boxes were made for: ink stays inside."""
    span = Span(" mmmmmmmm", shade=1.0)
    page = layout.page(Drawing("x", (Paragraph("", (Span("i"), span, Span(" i"))),)))
    box = boxes(page)["mmmmmmmm"]
    fonts = [str(font_file()).replace("DejaVuSans", "DejaVuSansMono")]
    vector = re.sub('font-family="[^"]*"', 'font-family="DejaVu Sans Mono"', svg.svg(page))
    data = resvg_py.svg_to_bytes(svg_string=vector, font_files=fonts, skip_system_fonts=True)
    image = Image.open(io.BytesIO(data)).convert("L")
    middle = range(round(box.y), round(box.y + box.height))
    columns = [x for x in range(image.width) if any(image.getpixel((x, y)) < 90 for y in middle)]
    inside = [x for x in columns if box.x <= x <= box.x + box.width]
    assert max(inside) - min(inside) > 0.9 * (box.width - 4), "the word fills its box"
    gaps = [x for x in columns if box.x - 3 < x < box.x or box.x + box.width < x < box.x + box.width + 3]
    assert not gaps, "and does not leave it"


def test_a_pdf_is_vector_with_text_that_can_be_copied():
    data = raster.pdf(layout.page(drawn(made_results.keys())))
    text = pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range()
    assert "The keys to the cabinet are on time." in " ".join(text.split())
    assert "‘are’ relies most on ‘keys’ (60" in text
    assert b"/FontFile2" in data and b"/Subtype /Image" not in data and b"/Subtype /Type3" not in data
    assert data == raster.pdf(layout.page(drawn(made_results.keys()))), "no date in it"


def test_hostile_text_is_text_in_a_pdf_and_a_png():
    page = layout.page(drawn(made_results.hostile()))
    document = pypdfium2.PdfDocument(raster.pdf(page))
    text = document[0].get_textpage().get_text_range()
    assert "${Object.assign(window,{pwned:1})}" in text and "<img src=x" in text and "\\u00zz \\" in text
    assert document.get_metadata_dict()["Subject"] == page.description
    assert Image.open(io.BytesIO(raster.png(page))).info["Software"] == "Seqscope"


def test_scripts_that_the_font_lacks_are_painted_without_complaint(recwarn):
    odd = made_results.result(["中文字", " العربية", " हिन्दी", " 🗝️"], [" はい"])
    page = layout.page(drawn(odd))
    assert raster.png(page).startswith(b"\x89PNG") and raster.pdf(page).startswith(b"%PDF")
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


def test_a_picture_too_large_in_pixels_is_painted_with_fewer():
    tall = Drawing("x", tuple(Paragraph("", (Span("x", breaks=3),)) for _ in range(320)))
    page = layout.page(tall)
    assert page.height > 30_000 / 2
    image = Image.open(io.BytesIO(raster.png(page)))
    assert image.height <= 30_000 and image.width * image.height <= 40_000_000
