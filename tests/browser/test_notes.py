"""Notes that an author pins to a figure: written, carried by links, shown as marks, list and tour, refused in words."""

from __future__ import annotations

import json

import made_results
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import heard

from components.context_reliance.demo import made_up as reliance
from components.contrastive.demo import made_up as contrast
from components.layer_grid.demo import made_up as grid
from components.neuron_factors.demo import made_up as factors
from spaces_app.errors import SpecError
from spaces_app.export.html import embedded
from spaces_app.figures import FIGURES
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.link import parse_query, to_link, valid_view

ASSETS = {figure.component: figure.assets for figure in FIGURES.values()}
HEATMAP = token_heatmap(made_results.keys())
VALUES = {
    "token_heatmap": lambda: HEATMAP,
    "contrastive": contrast,
    "context_reliance": reliance,
    "neuron_factors": factors,
    "layer_grid": grid,
}
HOSTILE = "<img src=x onerror=window.pwned=1>"
WRITTEN = ("plural, so the verb is too", HOSTILE, "日本語の注、\u202eémoji 👩‍🔬 & 100 %", "a_b~c:d")
every_figure = pytest.mark.parametrize("kind", VALUES)


def editable(page, kind: str):
    """The figure as the app draws it: somebody hears of its state, so that notes may be written."""
    name, root = ASSETS[kind].name, ASSETS[kind].selector
    page.evaluate(
        """([name, root]) => { const host = document.querySelector(root); host.replaceChildren();
        const value = JSON.parse(document.getElementById("value").textContent);
        Seqscope[name].mount(host, value, { emit: () => {} }); }""",
        [name, root],
    )
    return page


def add(page, text: str) -> None:
    page.locator(".sp-open").click()
    page.locator(".sp-field").fill(text)
    page.keyboard.press("Enter")


def select(page, kind: str, which: int) -> None:
    """Pin something else each time."""
    if kind == "layer_grid":
        page.locator(".ss-matrix").focus()
        page.keyboard.press("ArrowLeft")
    else:
        cells = {"context_reliance": ".sc-answer .ss-cell", "contrastive": ".ss-generated .ss-cell"}
        page.locator(cells.get(kind, ":is(.ss-cell, .sn-factor):visible")).nth(which).click()


def listed(page) -> list[str]:
    return page.locator(".sp-text").all_inner_texts()


def marks(page) -> list[list[str]]:
    script = "nodes => nodes.map(node => [node.textContent, node.dataset.note])"
    return page.locator("[data-note]").evaluate_all(script)


@every_figure
def test_notes_are_written_travel_in_the_link_and_come_back_at_the_same_places(kind, open_file):
    page = editable(open_file(VALUES[kind]()), kind)
    for which, text in enumerate(WRITTEN[:2]):
        select(page, kind, which)
        add(page, text)
    assert listed(page) == list(WRITTEN[:2])
    state = heard(page)[-1]
    assert valid_view(state)
    known = {"attribution": type(made_results.keys().spec)}
    assert parse_query(to_link(made_results.keys().spec, view=state), known)[2] == state
    names, found = page.locator(".sp-name").all_inner_texts(), marks(page)
    assert kind == "layer_grid" or sorted(number for _, number in found) == ["1", "2"]
    again = open_file(VALUES[kind]() | {"state": state})
    assert (listed(again), again.locator(".sp-name").all_inner_texts(), marks(again)) == (
        list(WRITTEN[:2]), names, found,
    )  # fmt: skip
    assert again.evaluate("window.pwned") is None and again.locator(".sp-pins img").count() == 0
    assert again.locator(".sp-form, .sp-remove").count() == 0, "a reader writes no notes"


@every_figure
def test_a_tour_leads_through_the_notes_of_an_embedded_figure(kind, open_file, browser):
    page = editable(open_file(VALUES[kind]()), kind)
    for which in (0, 1):
        select(page, kind, which)
        add(page, f"Stop {which + 1}")
    html, _ = embedded(VALUES[kind]() | {"state": heard(page)[-1]}, href="https://example.org/?s=x")
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    shown = context.new_page()
    shown.set_content(html)
    said = shown.locator(".sp-said")
    assert said.inner_text() == "2 notes" and said.get_attribute("aria-live") == "polite"
    shown.get_by_role("button", name="Next note").click()
    assert said.inner_text().startswith("Note 1 of 2, at ‘") and said.inner_text().endswith("Stop 1")
    first = shown.inner_text(".ss-caption")
    shown.keyboard.press("ArrowRight")
    assert said.inner_text().endswith("Stop 2") and shown.locator(".sp-here .sp-text").inner_text() == "Stop 2"
    assert first != shown.inner_text(".ss-caption"), "the selection moves along"
    shown.get_by_role("button", name="Previous note").click()
    assert said.inner_text().endswith("Stop 1")
    assert shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(shown, context=ASSETS[kind].selector).response["violations"]
    assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]][:3]) for rule in found] == []
    context.close()


def test_a_mark_shows_its_note_and_a_sixth_an_empty_and_a_long_one_are_refused_in_a_sentence(open_file):
    page = editable(open_file(HEATMAP), "token_heatmap")
    add(page, "  ")
    assert page.inner_text(".sp-refused") == "Write a few words first."
    page.locator(".sp-field").evaluate("(field) => { field.value = 'x'.repeat(141); }")
    page.keyboard.press("Enter")
    assert page.inner_text(".sp-refused") == "A note has at most 140 characters; this one has 141."
    page.keyboard.press("Escape")
    for number in range(5):
        add(page, f"Note number {number}")
    add(page, "One too many")
    assert page.inner_text(".sp-refused") == "A figure holds five notes. Remove one to add another."
    page.keyboard.press("Escape")
    assert page.locator("[data-note]").get_attribute("data-note") == "1 2 3 4 5"
    page.locator("[data-note]").hover()
    assert "Note number 3" in page.inner_text(".sp-tip")
    page.get_by_role("button", name="Remove note 1").click()
    assert listed(page) == [f"Note number {number}" for number in range(1, 5)]


@pytest.mark.parametrize("text", [*WRITTEN[2:], "é a" * 46, "漢" * 140, "\ud83d\udc69" * 70])
def test_any_text_travels_unharmed_within_the_length_of_a_link(text, open_file):
    page = editable(open_file(HEATMAP), "token_heatmap")
    page.locator(".sp-open").click()
    page.locator(".sp-field").evaluate(f"(field) => {{ field.value = {json.dumps(text)}; }}")
    page.keyboard.press("Enter")
    state, shown = heard(page)[-1], listed(page)
    assert valid_view(state) and len(state) < 480
    again = open_file(token_heatmap(made_results.keys(), state=state))
    assert listed(again) == shown
    parsed = again.evaluate("state => Seqscope.tokenHeatmap.parsePins(state)[0].text", state)
    assert parsed == text.encode("utf-16", "surrogatepass").decode("utf-16").strip()


@pytest.mark.parametrize("part", ["note:9999-x", "note:1-~~~", "note:1-~A~", "note:1-", "note:x-y", "note:1-~ABC"])
def test_damaged_notes_are_left_out_or_harmless(part, open_file):
    page = open_file(HEATMAP | {"state": f"sel:1-1,{part}"})
    assert page.locator(".ss-caption").count() == 1
    assert page.locator(".sp-pin").count() <= 1


def test_notes_count_in_the_length_of_a_link():
    spec = made_results.keys().spec
    fits = spec.replace(prompt="".join(chr(0x4E00 + i * 37 % 20_000) for i in range(1_000)))
    notes = "sel:1-1," + ",".join(f"note:{place}-" + "x" * 430 for place in range(5))
    assert valid_view(notes) and notes in to_link(spec, view=notes)
    to_link(fits, view="sel:1-1")
    with pytest.raises(SpecError, match="makes a link of"):
        to_link(fits, view=notes)


def test_a_link_holds_five_notes_and_no_more():
    note = "note:3-" + "x" * 140
    assert valid_view("sel:1-1," + ",".join([note] * 5))
    assert not valid_view("sel:1-1," + ",".join([note] * 6))
    assert not valid_view("note:3-" + "x" * 441) and not valid_view("note:3-<b>") and not valid_view("")


def test_a_note_is_named_by_the_unit_that_bears_its_mark_and_the_curve_makes_room(open_file):
    page = open_file(HEATMAP | {"state": "sel:0-0,note:1-why_plural"})
    assert page.locator(".sp-name").inner_text() == "keys"
    page.get_by_label("Token", exact=True).check()
    assert page.locator(".sp-name").inner_text() == "key"
    assert [text.strip() for text, _ in marks(page)] == ["key"]
    page = editable(open_file(HEATMAP, checked=False), "token_heatmap")  # reading pixels: the console advises
    place, ink = end_of_curve(page)
    page.locator(".ss-prompt .ss-cell").first.click()
    add(page, "the mark of this note takes room")
    moved, follows = end_of_curve(page)
    assert moved > place + 5 and follows - moved == pytest.approx(ink - place, abs=1.5)


def end_of_curve(page) -> list[float]:
    """Where the last word the model wrote ends, and where the curve under the words does, in pixels."""
    return page.evaluate(
        """() => { const canvas = document.querySelector(".ss-curve"), box = canvas.getBoundingClientRect();
        const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let last = 0;
        for (let i = 3; i < data.length; i += 4) if (data[i]) last = Math.max(last, ((i - 3) / 4) % width);
        const cells = document.querySelectorAll(".ss-generated .ss-cell");
        return [cells[cells.length - 1].getBoundingClientRect().right, box.x + (last * box.width) / width]; }"""
    )
