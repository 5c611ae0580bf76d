"""Links that keep the text in the browser until the visitor presses Run."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import REVISION, cells, settle, until
from test_choosing_methods import FIELD, choose, open_methods

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.link import to_link

SPEC = AttributionSpec(prompt="Zanzibar whispers", method="attention", continuation_ids=(7, 8), revision=REVISION)
NOTICE = ".seq-private-link"


def private(spec, view="") -> str:
    return "#" + to_link(spec, view=view).removeprefix("?") + "&private=1"


@pytest.fixture
def watched(open_page):
    """A function that opens an address and gives the page and everything that it has sent: addresses and bodies."""

    def watched(url: str, **options):
        page = open_page("about:blank", wait=False, **options)
        sent = []
        page.on("request", lambda request: sent.append(f"{request.url.partition('#')[0]} {request.headers} "))
        page.on("request", lambda request: sent.append(request.post_data or ""))
        page.on("websocket", lambda socket: socket.on("framesent", lambda payload: sent.append(str(payload))))
        page.goto(url)
        page.wait_for_selector(".ss-cell")
        return page, sent

    return watched


def telling(sent: list[str], spec) -> list[str]:
    """What was sent that holds the token of a question, its text, or its digest."""
    secrets = (to_link(spec).removeprefix("?s="), "Zanzibar", "whispers", spec.digest())
    return [text[:200] for text in sent if any(secret in text for secret in secrets)]


def test_a_private_link_sends_nothing_before_run(site, watched):
    began = len(site.answers.seen)
    page, sent = watched(site.url + "/" + private(SPEC, "sel:1-1"))
    page.wait_for_selector(f"{NOTICE} dd")
    said = page.locator(f"{NOTICE} dd").all_inner_texts()
    assert "Zanzibar whispers" in said and "attention" in said
    page.wait_for_timeout(1500)
    assert cells(page)[:2] == ["The", "keys"]  # the first example, meanwhile
    assert telling(sent, SPEC) == [] and len(site.answers.seen) == began
    page.locator(NOTICE).get_by_role("button", name="Run").click()
    until(lambda: cells(page) == ["Zanzibar", "whispers", "id7", "id8"], page=page)
    assert telling(sent, SPEC) != [] and site.answers.seen[-1] == SPEC
    assert not page.is_visible(NOTICE)
    settle(page)
    assert page.url == site.url + "/" + private(SPEC, "sel:1-1") == page.input_value(".seq-share input")
    token = to_link(SPEC).removeprefix("?s=")
    assert not [text for text in sent[::2] if token in text]  # bodies only: no address ever holds it


def test_the_switch_moves_the_link_behind_the_number_sign_and_back(site, open_page):
    page = open_page(f"{site.url}/{to_link(SPEC)}")
    until(lambda: "Zanzibar" in cells(page), page=page)
    switch = page.get_by_label("Private link: browsers do not send what it asks").locator("visible=true")
    assert not switch.is_checked()
    switch.check()
    settle(page)
    assert page.url == site.url + "/" + private(SPEC) == page.input_value(".seq-share input")
    assert "only by pressing Run" in page.inner_text(".seq-share .seq-note >> visible=true")
    page.get_by_role("button", name="Share", exact=True).locator("visible=true").click()
    page.wait_for_selector("dialog[open] .seq-share-row")
    first = page.locator("dialog[open] .seq-share-row").first
    assert first.locator("input").input_value() == page.url
    assert "keeps what was run" in first.inner_text()
    page.keyboard.press("Escape")
    switch.uncheck()
    settle(page)
    assert page.url == f"{site.url}/{to_link(SPEC)}" == page.input_value(".seq-share input")


def test_picking_another_figure_leaves_the_private_link_unsent(site, watched):
    page, sent = watched(site.url + "/" + private(SPEC))
    page.wait_for_selector(f"{NOTICE} dd")
    page.get_by_role("button", name="Counting on").click()
    until(lambda: cells(page)[:3] == ["one", "two", "three"], page=page)
    until(lambda: not page.is_visible(NOTICE), page=page)
    assert telling(sent, SPEC) == []


def test_a_damaged_private_link_says_so_and_run_says_why(site, open_page):
    page = open_page(site.url + "/#s=AAAA&private=1")
    page.wait_for_selector(f"{NOTICE} dd")
    assert "damaged" in page.inner_text(NOTICE)
    page.locator(NOTICE).get_by_role("button", name="Run").click()
    until(lambda: "this link is damaged" in page.inner_text(".seq-status p"), page=page)


def test_what_a_private_link_says_is_text_and_never_markup(site, open_page):
    hostile = SPEC.replace(prompt="<img src=x onerror=alert(1)>")
    page = open_page(site.url + "/" + private(hostile))
    page.wait_for_selector(f"{NOTICE} dd")
    assert hostile.prompt in page.locator(f"{NOTICE} dd").all_inner_texts()
    assert page.locator(f"{NOTICE} img").count() == 0 and page.dialogs == []
    assert json.dumps(page.said) == "[]"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_notice_and_the_switch_are_accessible_and_fit(scheme, width, site, open_page):
    address = f"{site.url}/?__theme={scheme}{private(SPEC)}"
    page = open_page(address, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.wait_for_selector(f"{NOTICE} dd")
    for part in (NOTICE, ".seq-share"):
        found = Axe().run(page, context=part).response["violations"]
        assert [(rule["id"], [node["html"][:100] for node in rule["nodes"]][:2]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_while_the_link_is_private_no_typed_text_is_sent_before_run(site, watched):
    page, sent = watched(site.url)
    page.get_by_label("Private link: browsers do not send what it asks").locator("visible=true").check()
    settle(page)
    began, asked = len(sent), site.answers.asked
    page.locator("#attribution-prompt textarea").fill("Zanzibar whispers")
    open_methods(page)
    page.click(FIELD)
    note = page.locator("#attribution-method .seq-picker-note")
    until(lambda: "nothing of the text is sent before Run" in note.inner_text(), page=page)
    page.keyboard.press("Escape")
    choose(page, "method", "Integrated gradients")  # what options it has, the server is asked
    page.get_by_text("Method: Integrated gradients").wait_for()
    page.wait_for_timeout(1000)
    assert len(sent) > began and site.answers.asked == asked
    assert telling(sent, SPEC) == []
    page.click("button.seq-run")
    until(lambda: cells(page)[:2] == ["Zanzibar", "whispers"], page=page)
    assert telling(sent, SPEC) != [] and site.answers.seen[-1].method == "integrated_gradients"
