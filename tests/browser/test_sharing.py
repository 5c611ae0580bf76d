"""The share dialog, and figures that ask: what a visitor copies, saves and clicks, on the real page."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import copied, open_page, opened, until  # noqa: F401  (a fixture)

from spaces_app.serving.gallery import examples


def test_the_dialog_gives_links_that_open_the_same_figure(real, open_page):  # noqa: F811
    page = open_page(real)
    caption = page.inner_text(".ss-caption")
    texts = copied(opened(page))
    assert list(texts) == [
        "Link", "Short link", "Embed link", "Code for a page", "Still picture for a page", "Python", "Command line",
        "BibTeX", "APA",
    ]  # fmt: skip
    for name in ("Link", "Short link", "Embed link"):
        other = open_page(texts[name])
        until(lambda: other.inner_text(".ss-caption") == caption, page=other)  # noqa: B023
        other.context.close()
    assert "AttributionSpec(" in texts["Python"] and texts["Command line"].startswith(
        "python -m spaces_app attribution"
    )
    assert page.said == []


def test_a_copy_button_copies_even_where_the_clipboard_is_not_allowed(real, open_page):  # noqa: F811
    page = open_page(real)
    page.evaluate("""() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
      document.execCommand = (what) => what === "copy" && String(getSelection() ?? "") !== null;
    }""")
    dialog = opened(page)
    dialog.get_by_role("button", name="Copy: Link").click()
    until(lambda: dialog.get_by_role("button", name="Copy: Link").inner_text() == "Copied", page=page)
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_every_file_of_the_dialog_is_there(real, open_page):  # noqa: F811
    page = open_page(real)
    shown = opened(page).locator(".seq-share-files a")
    links = shown.evaluate_all("links => links.map(a => [a.textContent, a.href])")
    assert len(links) == 8
    for label, href in links:
        answer = page.context.request.get(href)
        assert answer.status == 200 and len(answer.body()) > 500, label
        assert "attachment" in answer.headers["content-disposition"], label
    whole = json.loads(page.context.request.get(dict(links)["JSON, everything"]).body())
    assert whole["spec"] == examples("attribution")[0].result.spec.to_dict()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_dialog_is_accessible_and_fits(scheme, width, real, open_page):  # noqa: F811
    page = open_page(f"{real}/?__theme={scheme}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened(page)
    found = Axe().run(page, context="dialog[open]").response["violations"]
    assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    box = page.locator("dialog[open]").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_a_bar_of_the_contrastive_figure_becomes_b_and_the_arrows_swap(real, open_page):  # noqa: F811
    page = open_page(real)
    page.get_by_role("tab", name="Contrastive").click()
    chip = ".seqscope-contrast .sk-{} .sk-chip-word"
    page.wait_for_selector(".seqscope-contrast .sk-choice")
    a, b = (page.inner_text(chip.format(side)) for side in "ab")
    other = page.locator(".sk-choice:enabled .sk-word").first.inner_text()
    page.locator(".sk-choice:enabled").first.click()
    until(lambda: page.inner_text(chip.format("b")) == other != b, seconds=60, page=page)
    assert page.inner_text(chip.format("a")) == a
    assert page.input_value("#contrastive-contrast textarea").strip() == other.strip()
    page.locator(".sk-swap").click()
    until(lambda: page.inner_text(chip.format("a")) == other, seconds=60, page=page)
    assert page.inner_text(chip.format("b")) == a
    assert page.said == []


def test_every_tab_opens_with_a_recorded_figure_and_a_link_of_its_own(real, open_page):  # noqa: F811
    for name, figure in (
        ("Contrastive", ".seqscope-contrast .sk-chip"),
        ("Context reliance", ".seqscope-reliance .sc-flagged"),
        ("Neuron factors", ".seqscope-factors .sn-factor"),
    ):
        page = open_page(real)
        page.get_by_role("tab", name=name).click()
        page.wait_for_selector(figure)
        link = copied(opened(page))["Link"]
        again = open_page(link, wait=False)
        again.wait_for_selector(figure)
        assert again.get_by_role("tab", name=name).get_attribute("aria-selected") == "true"
        assert page.said == [] and again.said == []
        page.context.close()
        again.context.close()
