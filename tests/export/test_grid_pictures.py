"""Still pictures of grids: the shades, the scale and the cell of the figure, in every picture format."""

from __future__ import annotations

import io
import math

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from spaces_app.errors import NotSupported
from spaces_app.export.formats import FORMATS, figure_value, offered
from spaces_app.figures import drawing
from spaces_app.figures.packing import packed
from spaces_app.serving import gallery

KINDS = ("layers", "knowledge", "similarity", "neurons")


def made(values, *, state: str = "", upward: bool = True, **facts) -> dict:
    table = np.array(values, dtype=np.float32)
    matrix = {"name": "m_1", "label": "Measure", "unit": "", **facts, **packed(table)}
    other = {"name": "other", "label": "Other", "unit": "", **packed(-table)}
    return {
        "kind": "layer_grid",
        "rows": {"label": "Layer", "names": [f"layer {i}" for i in range(table.shape[0])]},
        "cols": {"label": "Token", "names": [f" t{i}" for i in range(table.shape[1])]},
        "matrices": [matrix, other],
        "upward": upward,
        "selected": [1, 0],
        "hint": "What it is.",
        "state": state,
        "notes": ["One <note>."],
        "badges": [{"label": "Model", "text": "m"}, {"label": "Result", "text": "recorded 2026-01-01"}],
    }


def test_each_cell_has_its_part_of_the_largest_and_the_last_layer_is_on_top():
    found = drawing(made([[1, 2], [4, math.nan]]))
    assert found.grid.rows == ("layer 1", "layer 0") and found.grid.columns == ("t0", "t1")
    assert found.grid.shades == ((1.0, None), (0.25, 0.5))
    assert drawing(made([[1, 2], [4, 3]], upward=False)).grid.rows == ("layer 0", "layer 1")


def test_rank_one_is_the_darkest_and_a_thousand_the_lightest():
    found = drawing(made([[1000, 10], [1, 100]], scale="rank"))
    assert found.grid.shades[0] == pytest.approx((1.0, 1 / 3)) and found.grid.shades[1] == pytest.approx((0.02, 2 / 3))
    assert (found.legend.low, found.legend.high) == ("1,000", "1")


def test_signs_logarithms_and_fixed_ends_follow_the_matrix():
    signed = drawing(made([[-2, 1], [4, 0]], signed=True))
    assert signed.grid.shades == ((1.0, 0.0), (-0.5, 0.25)) and signed.legend.signed and signed.legend.low == "−4"
    logarithmic = drawing(made([[1, 3], [7, 0]], scale="log"))
    assert logarithmic.grid.shades[1] == pytest.approx((1 / 3, 2 / 3))
    assert drawing(made([[0.5, 0.2], [0.1, 0]], high=1.0)).grid.shades[1] == pytest.approx((0.5, 0.2))


def test_the_view_says_which_matrix_and_which_cell():
    caption = drawing(made([[1, 2], [4, 3]])).caption
    assert caption == "‘t0’ · layer 1: measure 4. What it is."
    assert drawing(made([[1, 2], [4, 3]], state="sel:0-1,show:other")).caption.startswith("‘t1’ · layer 0: other −2.")
    assert drawing(made([[1, 2], [4, 3]], state="sel:9-9,show:nothing")).caption == caption
    assert drawing(made([[1, 2], [4, 3]])).notes == ("m · recorded on 2026-01-01 · Seqscope", "One <note>.")


def test_a_grid_that_nobody_could_read_is_refused():
    with pytest.raises(NotSupported, match="would not be readable"):
        drawing(made(np.ones((201, 200))))


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_grids_leave_in_every_picture_format(kind):
    result = gallery.examples(kind)[0].result
    assert [item.name for item in offered(result)] == ["html", "svg", "pdf", "png", "latex", "csv", "json"]
    rows = figure_value(result)["rows"]["names"]
    svg = FORMATS["svg"].data(result).decode("utf-8")
    assert all(name in svg for name in rows)
    assert Image.open(io.BytesIO(FORMATS["png"].data(result))).width >= 640
    pdf = pypdfium2.PdfDocument(FORMATS["pdf"].data(result))
    assert rows[-1] in pdf[0].get_textpage().get_text_range()
    assert r"\begin" in FORMATS["latex"].data(result).decode("utf-8")


def test_an_acronym_stays_one_in_the_sentence():
    assert drawing(made([[1, 2], [4, 3]], label="CKA")).caption.startswith("‘t0’ · layer 1: CKA 4.")
