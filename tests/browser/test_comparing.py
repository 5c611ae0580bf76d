"""Two links compared in the page: what differs, and three maps of aligned tokens on one scale."""

from __future__ import annotations

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import answer, settle, until

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.export.compare import comparison, panes
from spaces_app.figures.still.units import scores_of
from spaces_app.link import encode, pair_query, to_link

FIRST = answer(AttributionSpec(prompt="The old man sat", method="attention", max_new_tokens=2))
SECOND = answer(AttributionSpec(prompt="The old woman sat", method="occlusion", max_new_tokens=2))
TAB = ".seq-compare-tab"
SAID = ".seq-compare-said"


@pytest.fixture
def links(site):
    """The links of two stored answers."""
    for result in (FIRST, SECOND):
        site.runner.store.put(result.spec.digest(), result.to_dict())
    return [f"{site.url}/{to_link(result.spec)}" for result in (FIRST, SECOND)]


def compared(page, first: str, second: str):
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("First link").fill(first)
    page.get_by_label("Second link").fill(second)
    page.get_by_role("button", name="Compare", exact=True).click()
    until(lambda: page.inner_text(SAID) not in ("", "Comparing …"), page=page)
    return page


def test_two_links_give_three_maps_of_the_same_tokens_on_one_scale(site, links, open_page):
    began = len(site.answers.seen)
    page = compared(open_page(site.url), *links)
    page.wait_for_selector(f"{TAB} .ss-cell")
    maps = page.locator(f"{TAB} .ss-pane >> visible=true")
    assert maps.count() == 3
    words = [maps.nth(k).locator(".ss-cell").all_inner_texts() for k in range(3)]
    assert [word.strip() for word in words[0]] == ["The", "old", "man → woman", "sat", "four", "five"]
    assert words[0] == words[1] == words[2]
    scales = [maps.nth(k).locator(".ss-legend").inner_text().split() for k in range(3)]
    assert scales[0][-1:] == scales[1][-1:] == scales[2][-1:]
    assert page.inner_text(SAID) == comparison(FIRST, SECOND).sentence
    assert not page.is_visible(f"{TAB} .ss-agreement")
    # What supports a word is said of either answer, not of their difference.
    assert [maps.nth(k).locator(".ss-pane-reading").is_visible() for k in range(3)] == [True, True, False]
    assert len(site.answers.seen) == began and page.said == []


def test_what_was_asked_and_written_differently_is_a_table(site, links, open_page):
    page = compared(open_page(site.url), *links)
    rows = page.locator(".seq-compare tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    )
    assert rows == [[fact.name, fact.first, fact.second] for fact in comparison(FIRST, SECOND).facts]
    assert ["Prompt", "The old man sat", "The old woman sat"] in rows
    assert {"Method", "Prompt"} <= {row[0] for row in rows}


def test_the_maps_hold_the_numbers_of_both_answers_and_their_difference():
    value = panes(FIRST, SECOND)
    first, second, change = (scores_of(value | {"scores": plane["scores"]}) for plane in value["planes"])
    np.testing.assert_allclose(first, FIRST.arrays["attributions"].values, rtol=1e-6)
    np.testing.assert_allclose(second, SECOND.arrays["attributions"].values, rtol=1e-6)
    np.testing.assert_allclose(change, second - first, atol=1e-6)
    domains = [plane["domain"] for plane in value["planes"]]
    assert domains[0] == domains[1] == domains[2] == [-np.nanmax(second), np.nanmax(second)]


def test_the_answer_compared_with_itself_differs_in_nothing(site, links, open_page):
    page = compared(open_page(site.url), links[0], links[0])
    assert page.inner_text(SAID) == "All scores agree to five digits."
    assert page.locator(".seq-compare tbody th").all_inner_texts() == ["Nothing"]


def test_what_is_missing_is_said_in_a_sentence_and_the_next_try_works(site, links, open_page):
    unknown = f"{site.url}/{to_link(AttributionSpec(prompt='never asked here'))}"
    page = open_page(site.url)
    for first, second, sentence in (
        (links[0], unknown, "the second link's result is not stored here. Open that link, press Run, then compare."),
        (f"{site.url}/?id={'0' * 64}", links[0], "the first link: the result of this short link is not kept here."),
        ("https://example.org/", links[0], "the first link:"),
        ("", links[0], "the first link is missing."),
    ):
        compared(page, first, second)
        until(lambda: sentence.lower() in page.inner_text(SAID).lower(), page=page)  # noqa: B023
        assert page.get_attribute(SAID, "data-tone") == "error"
        assert page.locator(f"{TAB} .ss-pane >> visible=true").count() == 0
    compared(page, *links)
    until(lambda: page.locator(f"{TAB} .ss-pane >> visible=true").count() == 3, page=page)
    assert page.said == []


def test_a_comparison_has_a_link_of_its_own_which_the_address_bar_follows(site, links, open_page):
    page = compared(open_page(site.url), *links)
    page.wait_for_selector(f"{TAB} .ss-cell")
    settle(page)
    link = page.get_by_label("Link to this comparison").input_value()
    assert page.url == link == f"{site.url}/?{pair_query(FIRST.spec, SECOND.spec)}"
    page.locator(f"{TAB} .ss-generated .ss-cell").nth(1).click()
    until(lambda: "sel:1-1" in page.url, page=page)
    settle(page)
    assert page.url == page.get_by_label("Link to this comparison").input_value()
    again = open_page(page.url, wait=False)
    again.wait_for_selector(f"{TAB} .ss-cell")
    assert again.get_by_role("tab", name="Compare").get_attribute("aria-selected") == "true"
    assert again.inner_text(SAID) == comparison(FIRST, SECOND).sentence
    assert again.locator(f"{TAB} .ss-focus").all_inner_texts()[0].strip() == "five"
    settle(again)
    assert again.url == page.url
    again.get_by_role("button", name="Compare", exact=True).click()  # both fields hold what the link holds
    until(lambda: again.inner_text(SAID) == comparison(FIRST, SECOND).sentence, page=again)
    assert page.said == [] and again.said == []


def test_a_damaged_comparison_ends_in_one_sentence(site, links, open_page):
    token = encode(FIRST.spec)
    page = open_page(f"{site.url}/?compare={token}&with=AAAA", wait=False)
    for query, sentence in (
        ("", "the second link: this link is damaged"),
        (f"compare=%3Cscript%3E&with={token}", "the first link: there is no link to a figure in this address."),
        (f"compare={token}", "the second link is missing."),
        (f"compare={'0' * 64}&with={token}", "the first link: the result of this short link is not kept here."),
    ):
        if query:
            page.evaluate("query => { location.hash = query }", query)
        until(lambda: sentence in page.inner_text(SAID), page=page)  # noqa: B023
        assert page.get_attribute(SAID, "data-tone") == "error"
        assert not page.get_by_label("Link to this comparison").is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_comparison_is_accessible_and_fits(scheme, width, site, links, open_page):
    page = open_page(f"{site.url}/?__theme={scheme}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    compared(page, *links)
    page.wait_for_selector(f"{TAB} .ss-cell")
    found = Axe().run(page, context=TAB).response["violations"]
    assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
