"""Choosing how importance is measured: the list of methods, what each takes, and several of them side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_results import HOSTILE
from pages import FIGURE, REVISION, cells, recorded, serve, settle, spec_of, until, wait
from test_page import PROMPT, STATUS, choose, run

from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.link import to_link
from spaces_app.methods import METHODS
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS

NAMES = list(METHODS)
FIELD, OPTIONS = "#attribution-method button", "#attribution-method [role=option]"


def open_methods(page) -> None:
    page.get_by_text("Method: ").first.click()
    page.locator("#attribution-method, #attribution-methods").first.wait_for(state="attached")


def told(page, index: int, part: str) -> str:
    return page.locator(OPTIONS).nth(index).locator(f".seq-picker-{part}").inner_text()


def order(page) -> list[str]:
    """The methods' labels as they are listed."""
    return page.locator(f"{OPTIONS} .seq-picker-name").all_inner_texts()


def test_methods_are_grouped_described_and_priced_once_somebody_looks(site, open_page):
    asked = site.answers.asked
    page = open_page(site.url)
    open_methods(page)
    page.wait_for_timeout(300)
    assert site.answers.asked == asked, "nothing is asked of the lane before somebody looks"
    page.click(FIELD)
    assert page.get_attribute(FIELD, "aria-expanded") == "true"
    groups = page.locator("#attribution-method .seq-picker-group").all_inner_texts()
    assert groups == list(dict.fromkeys(method.family.capitalize() for method in METHODS.values()))
    assert sorted(order(page)) == sorted(method.label for method in METHODS.values())
    labels = order(page)
    third, last = labels.index(METHODS[NAMES[2]].label), labels.index(METHODS[NAMES[-1]].label)
    until(lambda: told(page, third, "cost") == "about 2 s", page=page)
    assert told(page, third, "about") == METHODS[NAMES[2]].description
    assert told(page, last, "about") == "This model is of another make."
    assert page.locator(OPTIONS).nth(last).get_attribute("aria-disabled") == "true"
    page.locator(OPTIONS).nth(last).click(force=True)
    assert page.locator("#attribution-method .seq-picker-value").inner_text() == METHODS[NAMES[0]].label
    page.keyboard.press("Escape")
    assert not page.locator(OPTIONS).first.is_visible()
    choose(page, "method", METHODS[NAMES[2]].label)
    until(lambda: page.inner_text(".seq-costs") == "Takes about 2 s.", page=page)
    assert page.said == []


def test_a_model_that_has_not_answered_here_has_no_times_yet(site, open_page):
    page = open_page(site.url + "/?analysis=attribution&model=owner/far&prompt=hello")
    until(lambda: page.input_value(PROMPT) == "hello", page=page)
    page.click("button.seq-run")  # a link to a model that was never used here waits for that
    until(lambda: cells(page)[:1] == ["hello"], page=page)
    open_methods(page)
    page.click(FIELD)
    note = page.locator("#attribution-method .seq-picker-note")
    until(lambda: note.inner_text() == "What each takes is known once this model has answered here.", page=page)


def test_the_list_is_used_with_the_keyboard_alone(site, open_page):
    page = open_page(site.url)
    open_methods(page)
    field = page.locator(FIELD)
    field.focus()
    page.keyboard.press("Enter")
    labels = order(page)
    assert page.locator("[role=option][data-active] .seq-picker-name").inner_text() == METHODS["saliency"].label
    page.keyboard.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active} .seq-picker-name").inner_text() == labels[1]
    page.keyboard.type(METHODS["attention"].label[:4].lower())
    page.keyboard.press("Enter")
    assert page.locator("#attribution-method .seq-picker-value").inner_text() == METHODS["attention"].label
    assert field.get_attribute("aria-expanded") == "false"
    until(lambda: page.get_attribute(FIGURE, "data-stale") == "1", page=page)
    field.press("Enter")
    field.press("Home")
    field.press(" ")
    until(lambda: page.get_attribute(FIGURE, "data-stale") is None, page=page)


def test_targets_without_a_gradient_are_told_apart_and_more_scores_can_be_asked(site, open_page):
    page = open_page(site.url)
    open_methods(page)
    step = next(step for step in STEP_FUNCTIONS.values() if step.no_gradient)
    target = page.locator("#attribution-step_function")
    target.locator("button").click()
    row = target.get_by_role("option").filter(has=page.get_by_text(step.label, exact=True))
    assert row.locator(".seq-picker-about").inner_text().lower() == step.no_gradient.lower()
    assert row.get_attribute("aria-disabled") == "true"
    page.keyboard.press("Escape")
    scores = page.locator("#attribution-step_scores")
    scores.locator("button").click()
    for name in ("perplexity", "top_p_size"):
        scores.get_by_role("option").filter(has=page.get_by_text(STEP_FUNCTIONS[name].label, exact=True)).click()
    page.keyboard.press("Escape")
    page.get_by_text("Options", exact=True).click()
    page.locator("#attribution-nucleus").wait_for()
    run(page, "with more numbers")
    until(lambda: cells(page)[:1] == ["with"], page=page)
    assert site.answers.seen[-1].step_scores == "perplexity,top_p_size"


def test_what_to_compare_with_appears_with_a_target_that_compares(site, open_page):
    page = open_page(site.url)
    assert page.get_by_text("Compare with", exact=True).count() == 0
    open_methods(page)
    step = next(step for step in STEP_FUNCTIONS.values() if step.compares == "token")
    choose(page, "step_function", step.label)
    box = page.get_by_label("Instead of the output")
    box.fill("five five six")
    page.click("button.seq-run")
    until(lambda: site.answers.seen[-1].contrast, page=page)
    assert (site.answers.seen[-1].contrast, site.answers.seen[-1].step_function) == ("five five six", step.name)
    page.get_by_role("button", name="Counting on").click()
    until(lambda: cells(page)[:1] == ["one"], page=page)
    until(lambda: not box.is_visible(), page=page)


# ---- several methods ----------------------------------------------------------------------------------------------


def compare(page, *labels: str) -> None:
    """Switch to several methods, leave exactly these chosen, and run."""
    unfolded = page.locator("#attribution-method button").is_visible()
    page.get_by_label("Several methods").check()
    if not unfolded:
        open_methods(page)
    field = page.locator("#attribution-methods")
    field.locator("button").wait_for()
    field.locator("button").click()
    for option in field.get_by_role("option").all():
        name = option.locator(".seq-picker-name").inner_text()
        if (option.get_attribute("aria-selected") == "true") != (name in labels):
            option.click()
    page.keyboard.press("Escape")
    page.click("button.seq-run")


def titles(page) -> list[str]:
    return page.locator(".ss-pane-title").all_inner_texts()


def test_several_methods_explain_the_words_on_screen_and_a_link_restores_them(site, open_page):
    page = open_page(site.url)
    run(page, "which method is right")
    until(lambda: cells(page)[:1] == ["which"], page=page)
    compare(page, "Saliency", "Occlusion", "Attention")
    until(lambda: titles(page) == ["Saliency", "Occlusion", "Attention"], page=page)
    asked = site.answers.seen[-1]
    assert (asked.kind, asked.methods, asked.continuation_ids) == (
        "comparison", "saliency,occlusion,attention", (100, 101, 102)
    )  # fmt: skip
    assert page.locator(".ss-agreement-table td").all_inner_texts()[-1].endswith("(−1.00)")
    page.locator(".ss-pane").nth(1).locator(".ss-generated .ss-cell").nth(2).click()
    settle(page)
    spec = spec_of(page.url)
    assert isinstance(spec, ComparisonSpec) and "sel:2-2" in page.url
    seen = len(site.answers.seen)
    again = open_page(page.url)
    until(lambda: titles(again) == ["Saliency", "Occlusion", "Attention"], page=again)
    assert again.get_by_label("Several methods").is_checked()
    assert again.locator(".ss-focus").all_inner_texts() == ["id102"] * 3
    assert len(site.answers.seen) == seen, "the stored result is shown"
    again.get_by_label("One method").check()
    until(lambda: again.get_attribute(FIGURE, "data-stale") == "1", page=again)
    again.click("button.seq-run")
    until(lambda: titles(again) == [], page=again)
    assert site.answers.seen[-1].continuation_ids == (100, 101, 102), "still the same words"
    assert page.said == again.said == []


def test_one_method_is_no_comparison(site, open_page):
    page = open_page(site.url)
    compare(page, "Saliency")
    until(lambda: "a comparison needs two methods at least" in page.inner_text(STATUS), page=page)
    assert page.get_attribute("#attribution-methods", "data-wrong") == ""


def test_a_comparison_that_is_not_stored_is_computed_when_its_link_is_opened(tmp_path, open_page):
    spec = ComparisonSpec(prompt="fresh from a link", methods="attention,saliency").replace(
        revision=REVISION, continuation_ids=(7, 8)
    )
    with serve(Settings(store=str(tmp_path)), examples=recorded()) as fresh:
        page = open_page(fresh.url + "/" + to_link(spec, view="unit:token"))
        until(lambda: titles(page) == ["Attention", "Saliency"], page=page)
        assert fresh.answers.seen[-1] == spec
        assert page.input_value(PROMPT) == "fresh from a link"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_an_open_list_and_in_a_comparison(site, open_page, width, scheme):
    page = open_page(site.url, viewport={"width": width, "height": 800}, color_scheme=scheme)
    compare(page, "Saliency", "Attention")
    until(lambda: len(titles(page)) == 2, page=page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.locator("#attribution-methods button").click()
    wait(page, 200)
    box = page.locator("#attribution-methods .seq-picker-sheet").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] >= 0 and box["y"] + box["height"] <= 800
    found = Axe().run(page).response["violations"]
    assert [(item["id"], [node["target"] for node in item["nodes"]]) for item in found] == []


def test_a_method_of_a_stranger_is_listed_literally(tmp_path, open_page, monkeypatch):
    loud = "".join(HOSTILE)
    own = replace(METHODS["saliency"], name="own", label=loud, description=loud, family=loud)
    monkeypatch.setitem(METHODS, "own", own)
    with serve(Settings(store=str(tmp_path)), examples=recorded()) as site:
        page = open_page(site.url)
        open_methods(page)
        page.click(FIELD)
        assert loud in order(page)
        page.locator(OPTIONS).nth(order(page).index(loud)).click()
        assert page.locator("#attribution-method .seq-picker-value").inner_text() == loud
        page.click("button.seq-run")
        until(lambda: loud in page.inner_text(".ss-badges"), page=page)
        until(lambda: loud in page.inner_text(".seq-form"), page=page)
        compare(page, loud, "Saliency")
        until(lambda: loud in titles(page), page=page)
        settle(page)
        assert page.evaluate("window.pwned") is None
        assert page.dialogs == [] and page.said == []
        assert page.locator(".seq-picker img, .seq-picker svg, .seq-picker script").count() == 0
