"""Embedded figures in a real browser: the numbers of the page, the height they need, no request beside their own."""

from __future__ import annotations

import contextlib

import pytest
from pages import FIGURE, answer, cells, host, until

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.export.html import standalone
from spaces_app.export.snippets import Place, iframe, picture
from spaces_app.figures import drawing
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.serving.gallery import examples

SPEC = AttributionSpec(prompt="an embedded figure", max_new_tokens=2)


@pytest.fixture
def stored(site):
    result = answer(SPEC)
    site.runner.store.put(result.spec.digest(), result.to_dict())
    return result


@pytest.fixture
def host_page():
    """A function that serves a page of somebody else's, and gives its address."""
    with contextlib.ExitStack() as stack:
        yield lambda body: stack.enter_context(host(body))


def test_an_embedded_figure_asks_for_itself_and_nothing_else(site, stored, open_page):
    page = open_page(site.url + "/embed" + stored.spec.to_link(view="sel:1-1,view:percent"))
    assert cells(page)[:5] == ["an", "embedded", "figure", "four", "five"]
    assert page.get_by_label("Percent").is_checked()
    page.wait_for_timeout(300)
    assert [url for url in page.asked if "favicon" not in url] == [page.url]
    assert not [said for said in page.said if said.startswith(("error", "warning"))], page.said


def test_it_is_interactive_and_its_link_follows_the_selection(site, stored, open_page):
    page = open_page(site.url + "/embed" + stored.spec.to_link())
    page.locator(f"{FIGURE} .ss-cell", has_text="five").click()
    assert "‘five’" in page.inner_text(f"{FIGURE} .ss-caption")
    link = page.get_by_role("link", name="Open in Seqscope")
    until(lambda: "sel%3A1-1" in link.get_attribute("href"), page=page)
    opened = open_page(site.url + "/" + link.get_attribute("href").rpartition("/")[2])
    until(lambda: "‘five’" in opened.inner_text(f"{FIGURE} .ss-caption"), page=opened)


def test_the_copied_iframe_takes_the_height_of_its_figure(site, stored, host_page, open_page):
    markup = iframe(stored, Place(site.url + "/"), height=50)
    page = open_page(host_page(markup), wait=False, viewport={"width": 390, "height": 800})
    frame = page.frame_locator("iframe")
    frame.locator(f"{FIGURE} .ss-cell").first.wait_for()
    until(lambda: page.locator("iframe").bounding_box()["height"] > 200, page=page)
    inside = frame.locator("html")
    until(
        lambda: (
            abs(
                page.locator("iframe").bounding_box()["height"]
                - inside.evaluate("e => e.getBoundingClientRect().height")
            )
            <= 1
        ),
        page=page,
    )
    assert inside.evaluate("e => e.scrollWidth <= e.clientWidth"), "nothing to scroll sideways on a phone"


def test_a_message_of_another_page_does_not_resize_the_frame(site, stored, host_page, open_page):
    markup = iframe(stored, Place(site.url + "/"), height=300)
    page = open_page(host_page(markup), wait=False)
    page.frame_locator("iframe").locator(f"{FIGURE} .ss-cell").first.wait_for()
    until(lambda: page.locator("iframe").bounding_box()["height"] != 300, page=page)
    before = page.locator("iframe").bounding_box()["height"]
    page.evaluate("postMessage({type: 'seqscope:height', height: 4321}, '*')")
    page.wait_for_timeout(150)
    assert page.locator("iframe").bounding_box()["height"] == before


def test_the_copied_picture_shows_the_svg(site, stored, host_page, open_page):
    page = open_page(host_page(picture(stored, Place(site.url + "/"))), wait=False)
    until(lambda: page.evaluate("document.querySelector('img')?.naturalWidth") == 640, page=page)
    assert page.evaluate("document.querySelector('img').currentSrc").endswith(".svg")


@pytest.mark.parametrize(
    ("theme", "system", "dark"),
    [("light", "dark", False), ("dark", "light", True), ("auto", "dark", True), ("auto", "light", False)],
)
def test_the_theme_can_be_chosen_or_left_to_the_reader(site, stored, open_page, theme, system, dark):
    page = open_page(site.url + "/embed" + stored.spec.to_link() + f"&theme={theme}", color_scheme=system)
    assert page.get_attribute(FIGURE, "data-theme") == ("dark" if dark else "light")
    channels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (max(channels) < 80) == dark


def test_without_scripts_a_table_shows(site, stored, browser):
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(site.url + "/embed" + stored.spec.to_link())
        assert "four" in page.inner_text("noscript table") or "four" in page.inner_text("table")
    finally:
        context.close()


def test_on_paper_only_the_figure_stands(site, stored, open_page):
    page = open_page(site.url + "/embed" + stored.spec.to_link())
    assert page.get_by_role("link", name="Open in Seqscope").is_visible()
    page.emulate_media(media="print")
    assert not page.get_by_role("link", name="Open in Seqscope").is_visible()
    assert not page.locator(f"{FIGURE} .ss-toolbar").is_visible()
    assert page.locator(f"{FIGURE} .ss-caption").is_visible()


def test_the_server_may_be_emptied_and_the_embed_says_so(site, open_page):
    missing = AttributionSpec(prompt="not stored at all")
    began = len(site.answers.seen)
    page = open_page(site.url + "/embed" + missing.to_link(), wait=False)
    page.get_by_text("This figure is not stored here.").wait_for()
    assert len(site.answers.seen) == began, "an embedded figure never computes"
    page.goto(site.url + "/embed/" + "0" * 64)
    page.get_by_text("This figure is no longer kept here.").wait_for()


SHOWN = """(value) => {
  const root = document.querySelector(".seqscope-heatmap");
  Seqscope.tokenHeatmap.mount(root, value);
  const alpha = (cell) => {
    const numbers = (getComputedStyle(cell).backgroundColor.match(/[\\d.]+/g) || []).map(Number);
    return numbers.length === 4 ? numbers[3] : numbers.length === 3 ? 1 : 0;
  };
  const cells = [...root.querySelectorAll(".ss-flow .ss-cell:not(.ss-focus)")];
  return [root.querySelector(".ss-caption").textContent, cells.map(alpha)];
}"""
STATES = ("", "unit:token", "sel:0-1,unit:word", "in:2,unit:token", "unit:word,range:output", "unit:sentence")


def test_a_still_picture_says_what_the_figure_says(open_page, tmp_path):
    """Caption by caption and shade by shade, for every recorded example: script and export agree."""
    recorded, compared = examples("attribution"), 0
    (tmp_path / "page.html").write_text(standalone(token_heatmap(recorded[0].result)), encoding="utf-8")
    page = open_page((tmp_path / "page.html").as_uri())
    for example in recorded:
        for state in STATES:
            value = token_heatmap(example.result, state=state)
            caption, alphas = page.evaluate(SHOWN, value)
            made = drawing(value)
            assert made.caption == caption, (example.name, state)
            spans = [span for paragraph in made.paragraphs for span in paragraph.spans if not span.focus]
            shades = [round(min(1, abs(span.shade or 0)) * 100) / 100 for span in spans]
            assert len(shades) == len(alphas), (example.name, state)
            assert all(abs(a - b) <= 0.0101 for a, b in zip(shades, alphas, strict=True)), (example.name, state)
            compared += len(shades)
    assert compared > 1000
