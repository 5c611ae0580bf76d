"""The figure that stands on the page before the page does."""

from __future__ import annotations

import pytest
from pages import EARLY, FIGURE

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.link import to_link
from spaces_app.serving.gallery import examples

WIDTHS = ({"width": 1280, "height": 800}, {"width": 820, "height": 1180}, {"width": 390, "height": 844})

# Keeps what the frame showed and where, for as long as it was there.
WATCH = """window.early = null;
const look = () => {
  const frame = document.querySelector("#seqscope-early[data-shown] iframe");
  if (frame) {
    const [figure, at] = [frame.contentDocument.querySelector(".seqscope-figure"), frame.getBoundingClientRect()];
    window.early = {
      text: [...figure.querySelectorAll(".ss-cell")].map((cell) => cell.textContent),
      at: [at.left, at.top, at.width],
      paper: [getComputedStyle(frame.closest("#seqscope-early")).backgroundColor,
              frame.contentDocument.defaultView.getComputedStyle(frame.contentDocument.body).backgroundColor],
    };
  }
  requestAnimationFrame(look);
};
if (window === top) look();"""
OWN = """() => {
  const figure = [...document.querySelectorAll(".seqscope-figure")].find((one) => one.getClientRects().length > 0);
  const at = figure.getBoundingClientRect();
  return {
    text: [...figure.querySelectorAll(".ss-cell")].map((cell) => cell.textContent),
    at: [at.left, at.top, at.width],
  };
}"""


def visit(open_page, url: str, **options):
    """The page at `url` once it is whole, and what was seen in the frame before."""
    page = open_page("about:blank", wait=False, **options)
    page.add_init_script(WATCH)
    page.goto(url, wait_until="commit")
    page.wait_for_selector(f"{FIGURE} .ss-frame >> visible=true")
    page.wait_for_selector(EARLY, state="detached")
    return page, page.evaluate("window.early")


@pytest.mark.parametrize("viewport", WIDTHS, ids=["laptop", "tablet", "phone"])
@pytest.mark.parametrize(("scheme", "asked"), [("light", ""), ("dark", ""), ("dark", "?__theme=system")])
def test_the_first_example_is_there_before_the_page_and_in_the_same_place(real, open_page, viewport, scheme, asked):
    page, early = visit(open_page, f"{real}{asked}", viewport=viewport, color_scheme=scheme)
    own = page.evaluate(OWN)
    assert early["text"] == own["text"]
    assert early["at"] == pytest.approx(own["at"], abs=3)
    assert early["paper"][0] == early["paper"][1] == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.said == []


@pytest.mark.parametrize("kind", ["contrastive", "context_reliance", "neuron_factors"])
def test_a_link_begins_with_its_own_figure(real, open_page, kind):
    page, early = visit(open_page, real + "/" + to_link(examples(kind)[0].result.spec))
    assert early["text"] == page.evaluate(OWN)["text"]
    assert early["at"] == pytest.approx(page.evaluate(OWN)["at"], abs=24)  # its examples have one line more or less
    assert page.said == []


def test_a_link_nobody_stored_shows_no_other_figure_first(real, open_page):
    link = to_link(AttributionSpec(prompt="Nobody has asked this"))
    page, early = visit(open_page, real + "/" + link)
    assert early is None
    assert page.input_value("#attribution-prompt textarea") == "Nobody has asked this"


@pytest.mark.parametrize("private", ["", "&private=1"])
def test_what_a_fragment_carries_is_not_asked_for_before_the_page_is_there(real, open_page, private):
    spec = examples("contrastive")[0].result.spec
    page, early = visit(open_page, real + "/#" + to_link(spec).lstrip("?") + private)
    assert early is None
    assert not [url for url in page.asked if "/embed" in url]


def test_what_a_visitor_points_at_early_answers(real, open_page):
    """The page never becomes ready here, as on a slow line: the figure in the frame works without it."""
    page = open_page("about:blank", wait=False)
    page.route("**/assets/*.js", lambda route: None)
    page.goto(real, wait_until="commit")
    figure = page.frame_locator(f"{EARLY} iframe")
    figure.locator(".ss-cell", has_text="keys").hover()
    figure.locator(".ss-cell", has_text="lost").click()
    figure.locator("p.ss-caption", has_text="‘lost’ is supported most by").wait_for()
    assert figure.locator("footer").count() == 0
