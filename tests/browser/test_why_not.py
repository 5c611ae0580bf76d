"""From a written word in the Attribution tab, by "Why not this?", to the contrast with another, on the real page."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import free_port, open_page, spec_of, until  # noqa: F401  (a fixture)

TAB = "#tab-attribution"
OTHER = f"{TAB} .ss-other"


def computed(page, prompt: str = "The cats by the river"):
    """The Attribution tab with an answer of three tokens, the first of which is pinned."""
    page.fill(f"{TAB} #attribution-prompt textarea", prompt)
    page.click(f"{TAB} button.seq-run")
    until(lambda: prompt.split()[-1] in page.inner_text(f"{TAB} .ss-prompt"), seconds=60, page=page)
    page.locator(f"{TAB} .ss-generated .ss-cell").first.click()
    page.wait_for_selector(OTHER)


def written(page) -> str:
    return page.locator(f"{TAB} .ss-generated .ss-cell").first.inner_text().strip()


def test_a_click_on_an_alternative_lands_in_the_contrast_with_everything_filled_in(real, open_page):  # noqa: F811
    page = open_page(real)
    computed(page)
    word = page.locator(OTHER).first
    text = word.locator("bdi").inner_text()
    assert re.fullmatch(r"‘.+’ [\d.,<]+\s?%\?", word.inner_text().strip())
    first, before = written(page), len(page.asked)
    page.locator(f"{TAB} .ss-generated .ss-cell").nth(1).click()
    page.wait_for_timeout(600)
    assert page.asked[before:] == [], "a pin is no business of the server's"
    page.locator(f"{TAB} .ss-generated .ss-cell").first.click()
    page.locator(OTHER).first.focus()
    page.keyboard.press("Enter")
    chip = ".seqscope-contrast .sk-{} .sk-chip-word"
    until(lambda: page.get_by_role("tab", name="Contrastive").get_attribute("aria-selected") == "true", page=page)
    page.wait_for_selector(chip.format("b"), timeout=60_000)
    until(lambda: page.inner_text(chip.format("b")).strip() == text, seconds=60, page=page)
    assert page.inner_text(chip.format("a")).strip() == first
    assert page.input_value("#contrastive-prompt textarea") == "The cats by the river"
    assert page.input_value("#contrastive-contrast textarea").strip() == text
    assert page.input_value("#contrastive-continuation textarea").strip().startswith(first)
    spec = until(lambda: _contrastive(page), page=page)
    assert len(spec.contrast_ids) == 1 and spec.continuation_ids[0] != spec.contrast_ids[0]
    again = open_page(page.url, wait=False)
    again.wait_for_selector(chip.format("b"))
    assert again.inner_text(chip.format("b")).strip() == text
    page.get_by_role("tab", name="Attribution").click()
    assert written(page) == first
    assert page.said == [] and again.said == []


def _contrastive(page):
    spec = spec_of(page.url)
    return spec if spec is not None and spec.kind == "contrastive" else None


def test_the_words_on_screen_are_compared_even_when_the_form_says_something_else_by_now(real, open_page):  # noqa: F811
    page = open_page(real)
    computed(page)
    page.fill(f"{TAB} #attribution-prompt textarea", "Something else")
    page.locator(OTHER).first.click()
    chip = ".seqscope-contrast .sk-b .sk-chip-word"
    page.wait_for_selector(chip, timeout=60_000)
    until(lambda: page.input_value("#contrastive-prompt textarea") == "The cats by the river", page=page)
    until(lambda: "river" in page.inner_text(".seqscope-contrast .ss-prompt"), seconds=60, page=page)
    assert page.said == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_row_is_accessible_and_fits(scheme, width, real, open_page):  # noqa: F811
    page = open_page(f"{real}/?__theme={scheme}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    computed(page)
    assert page.locator(OTHER).count() == 5
    found = Axe().run(page, context=f"{TAB} .ss-others").response["violations"]
    assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(OTHER).evaluate_all("b => b.map(x => x.getBoundingClientRect().toJSON())"):
        assert box["height"] >= 24 and box["left"] >= 0 and box["right"] <= width
