"""A token pinned in one tab is the one selected in the others that show the same text, on the real page."""

from __future__ import annotations

import re

from pages import open_page, until  # noqa: F401  (a fixture)
from test_why_not import computed

PROMPT = "The cats by the river"


TAB = "#tab-neuron_factors"
CAPTION = f"{TAB} .seqscope-grid .ss-caption"


def layers_of(page):
    """The layers beside the Attribution tab, both about the same text."""
    page.get_by_role("tab", name="Neuron factors").click()
    page.locator(f"{TAB} .seq-switch").get_by_label("Layers", exact=True).check()
    page.wait_for_selector(f"{TAB} .seqscope-grid canvas")  # an example of its own, which fills the form
    page.fill(f"{TAB} #neuron_factors-prompt textarea", PROMPT)
    page.click(f"{TAB} button.seq-run")


def test_a_pin_is_carried_to_the_other_tabs_without_a_request(real, open_page):  # noqa: F811
    page = open_page(real)
    computed(page, PROMPT)
    layers_of(page)
    generated = page.locator("#tab-attribution .ss-generated .ss-cell")
    words = [text.strip() for text in generated.all_text_contents()]
    until(lambda: page.inner_text(CAPTION).startswith(f"‘{words[0]}’"), seconds=60, page=page)
    page.get_by_role("tab", name="Attribution").click()
    before = len(page.asked)
    generated.nth(1).click()
    until(lambda: "sel%3A1-1" in page.url or "sel:1-1" in page.url, page=page)
    attribution = page.url
    page.get_by_role("tab", name="Neuron factors").click()
    until(lambda: page.inner_text(CAPTION).startswith(f"‘{words[1]}’"), page=page)
    page.wait_for_timeout(500)
    assert page.asked[before:] == []
    assert page.url == attribution, "the address stays with the figure that was clicked"
    page.locator(f"{TAB} .seqscope-grid .ss-matrix").focus()
    page.keyboard.press("ArrowLeft")
    until(lambda: page.inner_text(CAPTION).startswith(f"‘{words[0]}’"), page=page)
    page.get_by_role("tab", name="Attribution").click()
    until(lambda: re.search(f"‘{re.escape(words[0])}’", page.inner_text("#tab-attribution .ss-caption")), page=page)
    assert page.said == []
