"""The line that says where numbers come from, and computing them anew, in a browser."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import answer, until

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray
from spaces_app.link import to_link
from spaces_app.serving.gallery import examples
from spaces_app.tabs import TABS
from spaces_app.ui.page.provenance import verdict

LINE = ".seq-record p:first-child >> visible=true"
VERDICT = ".seq-record-verdict >> visible=true"
SPEC = AttributionSpec(prompt="kept for later", max_new_tokens=2)


def moved(result, by: float):
    """The result with one score larger by so much."""
    array = result.arrays["attributions"]
    values = np.array(array.values)
    values[1, 0] += by
    return replace(result, arrays=result.arrays | {"attributions": NamedArray(values, array.axes, array.unit)})


@pytest.fixture
def stored(site, monkeypatch):
    """A stored result, its link, and a worker that gives scores moved by `by[0]` for it; `by[1:]` are its calls."""
    result = answer(SPEC)
    site.runner.store.put(result.spec.digest(), result.to_dict())
    by = [0.0]

    def again(spec, tick):
        by.append(spec.digest())
        return replace(moved(result, by[0]), notes=result.notes | {"recorded": "2026-02-02"})

    monkeypatch.setattr(site.answers, "answer", again)
    return result, site.url + "/" + to_link(result.spec, view="sel:1-1,view:percent"), by


def test_a_stored_figure_says_when_it_was_computed_and_a_new_run_says_that_the_numbers_are_the_same(stored, open_page):
    result, link, by = stored
    page = open_page(link)
    assert page.inner_text(LINE) == "Computed on 2026-01-01 with gpt2 (fffffff, float32, cpu).".replace(
        "gpt2", result.notes["model"]
    )
    assert page.locator(VERDICT).count() == 0 and len(by) == 1
    page.get_by_role("button", name="Re-run live").click()
    until(lambda: page.locator(VERDICT).count(), page=page)
    assert page.inner_text(VERDICT) == "Every number is exactly that of 2026-01-01."
    assert page.inner_text(LINE).startswith("Computed anew on 2026-02-02 with ")
    assert by[1:] == [result.spec.digest()]
    assert page.get_by_label("Percent").is_checked()  # the reader's view stays


def test_numbers_that_moved_are_told_shown_and_stored(site, stored, open_page):
    result, link, by = stored
    by[0] = 0.5
    page = open_page(link)
    page.get_by_role("button", name="Re-run live").click()
    until(lambda: page.locator(VERDICT).count(), page=page)
    told = page.inner_text(VERDICT)
    assert told.startswith("The numbers differ from those of 2026-01-01: the largest absolute difference is 0.5,")
    largest = np.nanmax(result.arrays["attributions"].values)
    assert told.endswith(f"in attributions of up to {largest:.3g}.")
    kept = site.runner.stored(result.spec)
    assert kept.arrays["attributions"].values[1, 0] == result.arrays["attributions"].values[1, 0] + 0.5


def test_what_the_form_says_stays_when_the_figure_is_computed_anew(stored, open_page):
    _, link, _ = stored
    page = open_page(link)
    page.fill("#attribution-prompt textarea", "something else")
    page.get_by_role("button", name="Re-run live").click()
    until(lambda: page.locator(VERDICT).count(), page=page)
    assert page.input_value("#attribution-prompt textarea") == "something else"


def test_a_figure_whose_result_was_thrown_away_says_so(site, stored, open_page):
    result, link, by = stored
    page = open_page(link)
    site.runner.store._path(result.spec.digest()).unlink()
    page.get_by_role("button", name="Re-run live").click()
    until(lambda: "no longer kept here" in page.inner_text(".seq-status p"), page=page)
    assert len(by) == 1


def test_what_has_just_been_computed_has_no_line(site, open_page):
    page = open_page(site.url)
    page.fill("#attribution-prompt textarea", f"new words {time.time_ns()}")
    page.click("button.seq-run")
    until(lambda: "new" in page.inner_text(".seqscope-figure"), page=page)
    until(lambda: page.locator(LINE).count() == 0, page=page)


def test_a_verdict_names_the_largest_difference_and_what_cannot_be_compared():
    old = answer(SPEC)
    assert verdict(old, moved(old, 1e-6)).startswith("The numbers agree with those of 2026-01-01: the largest")
    assert "empty cells" in verdict(old, moved(old, float("nan")))
    more = replace(old, arrays=old.arrays | {"further scores": old.arrays["attributions"]})
    told = "Every number is exactly that of 2026-01-01. Only one of the two has further scores."
    assert verdict(old, more) == verdict(more, old) == told
    assert "tokens are not those" in verdict(old, answer(SPEC.replace(prompt="other words")))


def test_every_tab_computes_its_first_recorded_figure_anew_and_agrees(real, open_page):
    page = open_page(real)
    for tab in TABS.values():
        first = next(example for name in tab.views for example in examples(name))
        page.get_by_role("tab", name=tab.title, exact=True).click()
        until(lambda: page.locator(LINE).count(), page=page)
        line = page.inner_text(LINE)
        notes = first.result.notes
        assert line.startswith(f"Recorded on {notes['recorded']} with {notes['model']} ({notes['revision'][:7]}"), (
            tab.name
        )
        page.locator(".seq-record button >> visible=true").click()
        until(lambda: page.locator(VERDICT).count(), seconds=60, page=page)
        told = page.inner_text(VERDICT)
        assert told.startswith(("Every number is exactly", "The numbers agree with")), (tab.name, told)
    assert page.said == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_line_is_accessible_and_fits(scheme, width, stored, open_page):
    page = open_page(stored[1] + f"&__theme={scheme}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.get_by_role("button", name="Re-run live").click()
    until(lambda: page.locator(VERDICT).count(), page=page)
    found = Axe().run(page, context=".seq-record").response["violations"]
    assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
