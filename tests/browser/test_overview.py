"""All examples of all tabs in one dialog, with small pictures of their numbers, in a browser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import ONE, answer, settle, spec_of, until

from spaces_app.arrays import NamedArray, positions
from spaces_app.serving.gallery import examples
from spaces_app.tabs import TABS
from spaces_app.ui.page.overview import COLUMNS, ROWS, STEPS, overview, picture

BOX = ".seq-overview-dialog"
# What a picture says: its rows of shades, negative where blue, null where nothing is drawn.
DRAWN = """grid => { const wide = grid.style.gridTemplateColumns.match(/repeat\\((\\d+)/)[1];
    const cells = [...grid.children].map(cell => cell.style.opacity === "0" ? null :
        Math.round((cell.style.opacity <= 0.05 ? 0 : +cell.style.opacity) * 8) * (cell.className ? -1 : 1));
    return Array.from({ length: cells.length / wide }, (_, i) => cells.slice(i * wide, (i + 1) * wide)); }"""


def scored(values):
    """A result whose attributions are these, inputs by outputs."""
    values = np.asarray(values, dtype=np.float64)
    axes = {"input": positions(values.shape[0]), "generated": positions(values.shape[1])}
    return replace(answer(ONE), arrays={"attributions": NamedArray(values, axes, "")})


def opened(page):
    page.get_by_role("button", name="All examples").click()
    page.wait_for_selector(f"{BOX}[open] li")
    return page


def test_a_picture_has_a_row_for_each_output_and_shades_by_the_largest_number():
    assert picture(scored([[2.0, -4.0], [1.0, 0.1], [np.nan, 0.5]])) == [[4, 2, None], [-8, 0, 1]]
    assert picture(scored(np.zeros((2, 1)))) == [[0, 0]]


def test_cells_that_share_a_place_keep_the_larger_number():
    values = np.zeros((100, 20))
    values[77, 13], values[78, 13] = -5.0, 2.0
    found = picture(scored(values))
    assert (len(found), len(found[0])) == (ROWS, COLUMNS)
    assert sorted(shade for row in found for shade in row)[:2] == [-STEPS, 0]
    assert max(shade for row in found for shade in row) == 0


def test_every_recorded_example_is_there_with_its_own_numbers(real, open_page):
    page = open_page(real)
    before = len(page.asked)
    page.wait_for_timeout(300)
    assert page.locator(f"{BOX} li").count() == 0 and len(page.asked) == before  # nothing is fetched before it opens
    opened(page)
    known = [(tab, [e for name in tab.views for e in examples(name)]) for tab in TABS.values()]
    expected = [
        [entry["title"], *(item[part] for item in entry["items"] for part in ("title", "question"))]
        for entry in overview(known)
    ]
    parts = page.locator(f"{BOX} section")
    shown = parts.evaluate_all(
        """parts => parts.map(part => [part.querySelector("h4"), ...part.querySelectorAll("li strong, strong + span")]
            .map(node => node.textContent))"""
    )
    assert shown == expected
    drawn = page.locator(f"{BOX} .seq-thumb").evaluate_all(f"grids => grids.map({DRAWN})")
    assert drawn == [picture(example.result) for _, found in known for example in found]
    assert page.said == []


def test_an_example_opens_in_its_tab_and_the_address_follows(real, open_page):
    page = opened(open_page(real))
    wanted = examples("layers")[0]
    page.locator(f"{BOX} li button", has_text=wanted.title).click()
    until(lambda: page.get_attribute('button[role="tab"]:has-text("Neuron factors")', "aria-selected") == "true")
    page.wait_for_selector("#tab-neuron_factors .seqscope-grid canvas >> visible=true")
    assert not page.is_visible(BOX)
    until(lambda: spec_of(page.url) == wanted.result.spec, page=page)
    page.get_by_role("button", name="All examples").click()
    page.wait_for_selector(f"{BOX}[open] li")
    page.locator(f"{BOX} li button", has_text=examples("attribution")[1].title).first.click()
    until(lambda: spec_of(page.url) == examples("attribution")[1].result.spec, page=page)
    assert page.get_by_role("tab", name="Attribution").get_attribute("aria-selected") == "true"
    assert page.said == []


def test_words_narrow_the_list_and_keys_alone_suffice(site, open_page):
    page = open_page(site.url)
    button = page.get_by_role("button", name="All examples")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{BOX}[open] li")
    visible = page.locator(f"{BOX} li strong >> visible=true")
    assert visible.all_inner_texts() == ["Number agreement", "Counting on"]
    page.get_by_label("Find an example").fill("LIST GO")
    assert visible.all_inner_texts() == ["Counting on"]
    page.get_by_label("Find an example").fill("no such words")
    assert visible.count() == 0 and page.inner_text(f"{BOX} [role=status]") == "No example has these words."
    page.get_by_label("Find an example").fill("")
    page.keyboard.press("Escape")
    assert not page.is_visible(BOX) and button.evaluate("node => node === document.activeElement")
    page.keyboard.press("Enter")
    page.locator(f"{BOX} li button").nth(1).press("Enter")
    until(lambda: spec_of(page.url) is not None and spec_of(page.url).prompt == "one two three", page=page)
    settle(page)
    assert page.said == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_overview_is_accessible_and_leaves_the_figure_on_the_first_screen(scheme, width, real, open_page):
    page = open_page(f"{real}/?__theme={scheme}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    top = page.locator(".seq-top").bounding_box()
    assert top["height"] <= (48 if width == 1280 else 80)
    figure = page.locator(".seqscope-figure .ss-cell").first.bounding_box()
    assert figure["y"] + figure["height"] < 800
    opened(page)
    found = Axe().run(page, context=BOX).response["violations"]
    assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    assert page.locator(BOX).evaluate("node => node.scrollWidth <= node.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
