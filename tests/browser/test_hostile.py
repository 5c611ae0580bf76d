"""Strangers' text is drawn as it is, wherever it comes in: nothing of it runs, loads or disappears."""

from __future__ import annotations

from urllib.parse import quote

from pages import FIGURE, cells, recorded, serve, settle, until

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.link import to_link
from spaces_app.settings import Settings

PROMPT = "#attribution-prompt textarea"
STATUS = ".seq-status p"
# Each would set window.pwned, open a dialog or fetch from /beacon if it ever ran. No spaces: one word of the figure.
PAYLOADS = (
    "${Object.assign(window,{pwned:1})}",
    "${alert(1)}",
    "{{constructor.constructor('window.pwned=2')()}}",
    "{{value}}",
    "<img/src=x/onerror=window.pwned=3>",
    "<img/src=/beacon>",
    "</script><script>window.pwned=4</script>",
    "<svg/onload=alert(5)>",
    "`+(window.pwned=6)+`",
    "\\u0024{window.pwned=7}",
    "![x](/beacon)[y](javascript:alert(8))",
    "&lt;b&gt;&#x24;{1}",
    "'\"--><iframe/src=javascript:alert(9)>",
)


def check_nothing_ran(page) -> None:
    settle(page)
    assert page.evaluate("window.pwned") is None
    assert page.dialogs == []
    assert not [url for url in page.asked if url.endswith("/beacon")]
    assert page.locator(f"{FIGURE} img, {FIGURE} script, {FIGURE} iframe, .seq-part img, .seq-part script").count() == 0
    assert [line for line in page.said if "400 (Bad Request)" not in line] == []


def test_hostile_prompts_are_drawn_literally(site, open_page):
    page = open_page(site.url)
    page.fill(PROMPT, " ".join(PAYLOADS))
    page.click("button.seq-run")
    until(lambda: cells(page)[: len(PAYLOADS)] == list(PAYLOADS) or None, page=page)
    page.locator(f"{FIGURE} .ss-cell").nth(4).hover()
    page.get_by_role("radio", name="Percent").check()
    page.get_by_role("radio", name="Matrix").check()
    check_nothing_ran(page)


def test_a_hostile_vocabulary_is_drawn_literally(site, open_page):
    page = open_page(site.url)
    site.answers.vocabulary = " ".join(PAYLOADS[:12])
    try:
        page.fill(PROMPT, "what does the tokenizer say")
        page.click("button.seq-run")
        until(lambda: cells(page)[-12:] == list(PAYLOADS[:12]) or None, page=page)
    finally:
        site.answers.vocabulary = None
    for index in range(5, 17):
        page.locator(f"{FIGURE} .ss-cell").nth(index).click()
        assert PAYLOADS[index - 5][:20] in page.inner_text(f"{FIGURE} .ss-caption")
    check_nothing_ran(page)


def test_a_hostile_link_fills_form_and_figure_literally(site, open_page):
    spec = AttributionSpec(prompt=" ".join(PAYLOADS), continuation=PAYLOADS[0] + " " + PAYLOADS[4])
    page = open_page(site.url + "/" + to_link(spec) + "&view=" + quote(PAYLOADS[0]))
    until(lambda: cells(page) == [*PAYLOADS, PAYLOADS[0], PAYLOADS[4]] or None, page=page)
    assert page.input_value(PROMPT) == " ".join(PAYLOADS)
    assert page.input_value("#attribution-continuation textarea") == PAYLOADS[0] + " " + PAYLOADS[4]
    until(lambda: "pwned" not in page.url, page=page)
    check_nothing_ran(page)


def test_hostile_text_in_an_error_is_a_sentence(site, open_page):
    page = open_page(site.url)
    for payload in PAYLOADS:
        page.evaluate("link => { location.hash = link }", "analysis=" + quote(payload, safe=""))
        until(lambda: f"{payload!r:.60} is not an analysis." in page.inner_text(STATUS), page=page)  # noqa: B023
    check_nothing_ran(page)


def test_a_hostile_model_name_is_shown_and_refused_literally(tmp_path, open_page):
    with serve(Settings(store=str(tmp_path)), examples=recorded()) as strict:
        for payload in (PAYLOADS[0], PAYLOADS[4], PAYLOADS[6]):
            page = open_page(strict.url + "/" + to_link(AttributionSpec(model="evil/" + payload, prompt="hello")))
            until(lambda: "evil/" in page.inner_text(STATUS), page=page)  # noqa: B023
            assert page.input_value("#attribution-model input") == "evil/" + payload
            page.locator("#attribution-model input").click()
            check_nothing_ran(page)
            page.context.close()
