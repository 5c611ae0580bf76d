"""Notes in the running page: a link brings them, the address follows what is written, embedded figures have them."""

from __future__ import annotations

import random

import pytest
from pages import FIGURE, answer, cells, settle, until

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.link import parse_query, to_link

SPEC = AttributionSpec(prompt="notes from an author", max_new_tokens=2)
FIRST = "note:1-who_says_so"
HOSTILE = "<img src=x onerror=window.pwned=1> & ü"


@pytest.fixture
def stored(site):
    result = answer(SPEC)
    site.runner.store.put(result.spec.digest(), result.to_dict())
    return result


def opened(open_page, url: str, **options):
    page = open_page(url, **options)
    until(lambda: cells(page)[:4] == ["notes", "from", "an", "author"] or None, page=page)
    return page


def listed(page) -> list[str]:
    return page.locator(f"{FIGURE} .sp-pin .sp-words").all_inner_texts()


def view_of(url: str) -> str:
    return parse_query(url.partition("?")[2], {"attribution": AttributionSpec})[2]


def test_a_link_brings_notes_and_the_address_follows_what_is_added_and_removed(site, stored, open_page):
    page = opened(open_page, site.url + "/" + to_link(stored.spec, view=f"sel:1-1,{FIRST}"))
    until(lambda: listed(page), page=page)
    assert listed(page) == ["from who says so"]
    page.locator(f"{FIGURE} .ss-generated .ss-cell").first.click()
    page.locator(f"{FIGURE} .sp-open").click()
    assert page.locator(f"{FIGURE} .sp-field").get_attribute("maxlength") == "140"
    page.locator(f"{FIGURE} .sp-field").fill(HOSTILE)
    page.keyboard.press("Enter")
    settle(page)
    assert listed(page) == ["from who says so", f"four {HOSTILE}"]
    assert page.url == page.input_value(".seq-share input") and view_of(page.url).count("note:") == 2
    again = opened(open_page, page.url)
    until(lambda: len(listed(again)) == 2 or None, page=again)
    assert listed(again) == listed(page)
    assert again.evaluate("window.pwned") is None and again.locator(f"{FIGURE} .sp-pins img").count() == 0
    again.get_by_role("button", name="Remove note 1").click()
    settle(again)
    assert FIRST not in again.url and view_of(again.url).count("note:") == 1


def test_an_embedded_figure_on_a_phone_leads_through_its_notes_but_takes_none(site, stored, open_page):
    link = to_link(stored.spec, view=f"sel:0-0,{FIRST},note:4-here_it_is_said")
    page = opened(open_page, site.url + "/embed" + link, viewport={"width": 390, "height": 800}, has_touch=True)
    assert listed(page) == ["from who says so", "four here it is said"]
    page.get_by_role("button", name="Next note").click()
    page.keyboard.press("ArrowRight")
    assert page.locator(".sp-said").inner_text() == "Note 2 of 2, at ‘four’: here it is said"
    assert cells(page)[4] == page.locator(f"{FIGURE} .ss-focus").inner_text().strip() == "four"
    assert page.locator(".sp-form").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_another_question_has_no_notes_of_the_first(site, stored, open_page):
    page = opened(open_page, site.url + "/" + to_link(stored.spec, view=f"sel:1-1,{FIRST}"))
    until(lambda: listed(page), page=page)
    page.locator("#attribution-prompt textarea").fill("something else entirely")
    page.get_by_role("button", name="Run").first.click()
    until(lambda: cells(page)[:1] == ["something"] or None, page=page)
    settle(page)
    assert listed(page) == [] and "note:" not in page.url


def test_notes_that_no_longer_fit_the_link_make_it_a_short_one_and_say_so(site, open_page):
    words = random.Random(0)
    text = " ".join(f"{words.getrandbits(40):x}" for _ in range(370))
    result = answer(AttributionSpec(prompt=text, max_new_tokens=2))
    assert 3_300 < len(to_link(result.spec)) < 3_780
    site.runner.store.put(result.spec.digest(), result.to_dict())
    page = open_page(site.url + "/" + to_link(result.spec))
    until(lambda: len(cells(page)) == 372 or None, page=page)
    assert "?s=" in page.input_value(".seq-share input") and "With its notes" not in page.inner_text(".seq-share")
    page.locator(f"{FIGURE} .ss-generated .ss-cell").first.click()
    page.locator(f"{FIGURE} .sp-open").click()
    page.locator(f"{FIGURE} .sp-field").fill("漢" * 140)
    page.keyboard.press("Enter")
    settle(page)
    link = page.input_value(".seq-share input")
    assert link == page.url and f"?id={result.spec.digest()}" in link and len(link) < 800
    assert "With its notes this text is too long" in page.inner_text(".seq-share")
    again = open_page(link)
    until(lambda: listed(again), page=again)
    assert listed(again) == listed(page)
