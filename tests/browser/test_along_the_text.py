"""One row of a grid along the text: bars over its words, a click picks a word, strangers' words are drawn literally."""

from __future__ import annotations

import base64
import struct

import pytest

GRID = ".seqscope-grid"
NAMES = ["One", ",", "│", " <img src=x onerror=window.pwned=1>", "${window.pwned=2}"]
ROWS = [[1.0, -0.5, float("nan"), 0.25, 0.0], [0.0, 0.0, float("nan"), 0.0, 2.0]]


def made() -> dict:
    flat = [value for row in ROWS for value in row]
    packed = base64.b64encode(struct.pack(f"<{len(flat)}f", *flat)).decode("ascii")
    matrix = {"name": "activation", "label": "Activation", "signed": True, "rows": 2, "cols": 5, "f32": packed}
    return {
        "kind": "layer_grid",
        "rows": {"label": "Neuron", "names": ["0:17", "1:3"]},
        "cols": {"label": "Token", "names": NAMES},
        "matrices": [matrix],
        "along": True,
        "selected": [0, 0],
        "state": "",
        "notes": [],
        "badges": [],
    }


@pytest.mark.parametrize("width", [390, 1280])
def test_the_row_that_is_read_stands_along_the_text(width, open_file):
    page = open_file(made(), viewport={"width": width, "height": 800})
    assert page.inner_text(f"{GRID} .sg-chart .ss-label") == "Activation of 0:17 along the text"
    shown = page.locator(f"{GRID} .sg-token").all_inner_texts()
    assert (
        [word.strip() for word in shown[:2]] == ["One", ","] and "${window.pwned=2}" in shown[3] and "<img" in shown[2]
    )
    assert page.evaluate("window.pwned") is None and page.locator(f"{GRID} img").count() == 0
    heights = page.eval_on_selector_all(f"{GRID} .sg-rise", "bars => bars.map((bar) => bar.style.height)")
    assert heights == ["66.7%", "33.3%", "16.7%", "0%"]
    below = page.eval_on_selector_all(
        f"{GRID} .sg-rise", "bars => bars.map((bar) => bar.classList.contains('sg-fall'))"
    )
    assert below == [False, True, False, False]
    label = page.get_attribute(f"{GRID} .sg-text", "aria-label")
    assert label == "Activation of 0:17 along the text; highest at One, 1"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_click_on_a_word_picks_it_and_another_row_brings_its_own_bars(open_file):
    page = open_file(made())
    page.locator(f"{GRID} .sg-step").nth(1).click()
    assert page.inner_text(f"{GRID} .ss-caption").startswith("‘,’ · 0:17: activation −0.5")
    assert page.locator(f"{GRID} .sg-here .sg-token").inner_text() == ","
    page.locator(f"{GRID} .ss-matrix").focus()
    page.keyboard.press("ArrowDown")
    assert page.inner_text(f"{GRID} .sg-chart .ss-label") == "Activation of 1:3 along the text"
    heights = page.eval_on_selector_all(f"{GRID} .sg-rise", "bars => bars.map((bar) => bar.style.height)")
    assert heights == ["0%", "0%", "0%", "100%"]
