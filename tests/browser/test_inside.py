"""The Neuron factors tab with real models: its five views, and what happens without a factor: a click on its card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import free_port, open_page, spec_of, until  # noqa: F401  (a fixture)

from spaces_app.link import to_link
from spaces_app.serving.gallery import examples

TAB = "#tab-neuron_factors"
FACTORS = f"{TAB} .seqscope-factors"
VIEWS = ("neuron_factors", "layers", "neurons", "similarity", "knowledge")


def inside(open_page, url: str, **options):  # noqa: F811
    page = open_page(url, **options)
    page.get_by_role("tab", name="Neuron factors").click()
    page.wait_for_selector(f"{FACTORS} .sn-factor")
    return page


def test_the_tab_opens_with_six_factors_of_a_list_and_the_card_of_the_first(real, open_page):  # noqa: F811
    page = inside(open_page, real)
    assert page.locator(f"{FACTORS} .sn-factor").count() == 6
    assert page.inner_text(f"{FACTORS} .sn-card-title") == "Factor 1"
    told = examples("neuron_factors")[0].result.notes["factors"][0]
    shown = page.locator(f"{FACTORS} .sn-column").filter(has_text="Writes").locator(".sg-word").all_inner_texts()
    assert [word.strip() for word in shown] == [word["text"].strip() for word in told["promoted"][:8]]
    assert told["ablation"]["text_after"].strip() in page.inner_text(f"{FACTORS} .sn-card")
    assert page.said == []


def test_a_click_on_a_card_runs_the_text_without_the_factor(real, open_page):  # noqa: F811
    page = inside(open_page, real)
    page.locator(f"{FACTORS} .sn-factor").nth(1).click()
    assert "Without it" not in page.locator(f"{FACTORS} .sn-title").all_inner_texts()
    page.locator(f"{FACTORS} .sn-ablate").click()
    until(lambda: "Without it" in page.locator(f"{FACTORS} .sn-title").all_inner_texts(), seconds=60, page=page)
    assert page.inner_text(f"{FACTORS} .sn-card-title") == "Factor 2", "the card that was asked about is open"
    assert "set to zero" in page.inner_text(f"{FACTORS} .sn-card")
    assert page.locator(f"{FACTORS} .sn-ablate").count() == 0
    assert page.said == []


def test_a_token_tells_what_its_probability_was_with_and_without_the_open_factor(real, open_page):  # noqa: F811
    page = inside(open_page, real)
    result = examples("neuron_factors")[0].result
    places = [i for i, token in enumerate(result.tokens) if token.segment == "generated" and not token.special]
    at = places[0]
    page.locator(f'{FACTORS} .ss-cell[data-t="{at}"]').click()
    said = page.inner_text(f"{FACTORS} .ss-details")
    before, after = result.arrays["written"].values[:, at]
    assert "Probability, with and without factor 1" in said
    assert said.replace("\u00a0", " ").endswith(f"{100 * before:.0f} % → {100 * after:.0f} %")


def test_a_token_pinned_among_the_factors_is_pinned_in_the_other_tabs(real, open_page):  # noqa: F811
    page = open_page(real)
    page.fill("#tab-attribution #attribution-prompt textarea", "Countries in Asia: Indonesia, Nepal, Thailand,")
    page.click("#tab-attribution button.seq-run")
    cells = page.locator("#tab-attribution .ss-generated .ss-cell")
    until(lambda: cells.count() and "Vietnam" in cells.first.inner_text(), seconds=60, page=page)
    page.get_by_role("tab", name="Neuron factors").click()
    page.wait_for_selector(f"{FACTORS} .sn-factor")
    at = next(i for i, token in enumerate(examples("neuron_factors")[0].result.tokens) if token.text == " Iran")
    page.locator(f'{FACTORS} .ss-cell[data-t="{at}"]').click()
    page.get_by_role("tab", name="Attribution").click()
    until(lambda: page.inner_text("#tab-attribution .ss-caption").startswith("‘Iran’"), page=page)
    assert page.said == []


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_of_the_tab_has_recorded_examples_that_open(kind, real, open_page):  # noqa: F811
    example = examples(kind)[0]
    page = open_page(real + "/" + to_link(example.result.spec, view=example.view), wait=False)
    figure = FACTORS if kind == "neuron_factors" else f"{TAB} .seqscope-grid"
    page.wait_for_selector(f"{figure} {'.sn-factor' if kind == 'neuron_factors' else 'canvas'}")
    assert page.get_by_role("tab", name="Neuron factors").get_attribute("aria-selected") == "true"
    assert page.locator(f"{TAB} .seq-switch input:checked").input_value() == kind
    assert page.locator(f"{TAB} .seqscope-factors, {TAB} .seqscope-grid").locator("visible=true").count() == 1
    assert page.said == []


def test_the_switch_changes_form_and_question_and_runs_each(real, open_page):  # noqa: F811
    page = inside(open_page, real)
    prompt = "The cats by the river"
    page.fill(f"{TAB} #neuron_factors-prompt textarea", prompt)
    page.locator(f"{TAB} .seq-switch label").filter(has_text="Layers").click()
    page.wait_for_selector(f"{TAB} #neuron_factors-watch")
    assert page.locator(f"{TAB} #neuron_factors-k").locator("visible=true").count() == 0
    assert page.input_value(f"{TAB} #neuron_factors-prompt textarea") == prompt
    page.click(f"{TAB} button.seq-run")
    page.wait_for_selector(f"{TAB} .seqscope-grid canvas", timeout=60_000)
    page.locator(f"{TAB} .seq-switch label").filter(has_text="Factors").click()
    page.wait_for_selector(f"{FACTORS} .ss-empty >> visible=true")
    assert page.input_value(f"{TAB} #neuron_factors-prompt textarea") == prompt
    page.locator(f"{TAB} .seq-switch label").filter(has_text="Layers").click()
    page.wait_for_selector(f"{TAB} .seqscope-grid canvas")
    assert page.said == []


def test_links_of_the_layers_tab_that_was_before_open_the_view(real, open_page):  # noqa: F811
    path = Path(__file__).parent.parent / "fixtures" / "links-layers-1.json"
    entry = json.loads(path.read_text(encoding="utf-8"))[0]
    page = open_page(real + "/" + entry["link"], wait=False)
    page.wait_for_selector(f"{TAB} .seqscope-grid canvas", timeout=60_000)
    assert page.input_value(f"{TAB} #neuron_factors-prompt textarea") == entry["means"]["prompt"]
    assert page.said == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_tab_is_accessible_and_fits(scheme, width, real, open_page):  # noqa: F811
    viewport = {"width": width, "height": 800}
    page = inside(open_page, f"{real}/?__theme={scheme}", viewport=viewport, color_scheme=scheme)
    found = Axe().run(page, context=FACTORS).response["violations"]
    assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_each_view_shows_an_example_of_its_own_and_a_text_of_the_visitors_stays(real, open_page):  # noqa: F811
    page = inside(open_page, real)
    for name in (*VIEWS[1:], VIEWS[0]):
        page.check(f'{TAB} input[value="{name}"]')
        first = examples(name)[0].result.spec
        until(lambda first=first: page.input_value("#neuron_factors-prompt textarea") == first.prompt, page=page)
        kind = "seqscope-factors" if name == "neuron_factors" else "seqscope-grid"
        page.wait_for_selector(f"{TAB} .{kind} .ss-badges >> visible=true")
        box = page.locator(f"{TAB} .seq-switch").bounding_box()
        for label in page.locator(f"{TAB} .seq-switch label").all():
            inner = label.bounding_box()
            assert box["x"] <= inner["x"] and inner["x"] + inner["width"] <= box["x"] + box["width"] + 1
    page.fill("#neuron_factors-prompt textarea", "A text of my own")
    page.check(f'{TAB} input[value="layers"]')
    page.wait_for_selector(f"{TAB} .ss-empty >> visible=true")
    assert page.input_value("#neuron_factors-prompt textarea") == "A text of my own"
    assert page.said == []
