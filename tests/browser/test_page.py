"""The page as a visitor meets it: first paint, a run, Stop, examples, errors, both widths, both themes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import FIGURE, answer, cells, serve, settle, spec_of, until

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.serving.gallery import Example
from spaces_app.settings import Settings

PROMPT = "#attribution-prompt textarea"
STATUS = ".seq-status p"


def run(page, prompt: str) -> None:
    page.fill(PROMPT, prompt)
    page.click("button.seq-run")


def test_the_first_example_is_on_screen_without_any_run_or_event(site, open_page):
    began = len(site.answers.seen)
    page = open_page(site.url)
    assert cells(page) == ["The", "keys", "to", "the", "cabinet", "are", "here"]
    assert page.input_value(PROMPT) == "The keys to the cabinet"
    assert len(site.answers.seen) == began
    assert not [url for url in page.asked if "/queue/join" in url or "/run/" in url]
    assert page.locator("h1").inner_text() == "Seqscope"
    assert page.get_by_role("tab", name="Attribution").get_attribute("aria-selected") == "true"


def test_the_first_paint_is_small_and_stays_with_us(site, open_page):
    page = open_page("about:blank", wait=False)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    sizes = []
    cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(site.url)
    page.wait_for_selector(f"{FIGURE} .ss-cell")
    page.wait_for_timeout(500)
    assert len(page.asked) <= 80
    assert sum(sizes) <= 600 * 1024
    assert [url for url in page.asked if not url.startswith((site.url, "data:", "blob:", "about:"))] == []
    assert page.said == []


def test_run_shows_progress_then_the_figure_and_puts_the_link_in_the_address(site, open_page):
    page = open_page(site.url)
    site.answers.door.clear()
    run(page, "slow but sure")
    until(lambda: "Attributing token: " in page.inner_text(STATUS), page=page)
    assert page.is_visible("button.seq-stop") and not page.is_visible("button.seq-run")
    site.answers.door.set()
    until(lambda: cells(page) == ["slow", "but", "sure", "four", "five", "six"], page=page)
    until(lambda: "?s=" in page.url, page=page)
    assert spec_of(page.url).prompt == "slow but sure"
    assert spec_of(page.url).continuation_ids == (100, 101, 102)
    assert page.input_value(".seq-share input") == page.url
    assert not page.is_visible(".seq-status")


def test_stop_ends_the_computation_and_keeps_the_figure(site, open_page):
    page = open_page(site.url)
    site.answers.door.clear()
    stopped = site.answers.stopped
    run(page, "slow enough to stop")
    until(lambda: "Attributing" in page.inner_text(STATUS), page=page)
    page.click("button.seq-stop")
    until(lambda: site.answers.stopped == stopped + 1, page=page)
    until(lambda: page.inner_text(STATUS).startswith("Stopped."), page=page)
    assert page.is_visible("button.seq-run")
    assert cells(page)[:2] == ["The", "keys"]
    run(page, "and then on")
    until(lambda: cells(page)[:3] == ["and", "then", "on"], page=page)


def test_leaving_the_page_ends_its_computation(site, open_page):
    page = open_page(site.url)
    site.answers.door.clear()
    stopped = site.answers.stopped
    run(page, "slow and lonely")
    until(lambda: "Attributing" in page.inner_text(STATUS), page=page)
    page.close()
    until(lambda: site.answers.stopped == stopped + 1)


def test_an_example_fills_form_figure_and_link_in_one_click(site, open_page):
    page = open_page(site.url)
    page.get_by_role("button", name="Counting on").click()
    until(lambda: cells(page)[:3] == ["one", "two", "three"], page=page)
    assert page.input_value(PROMPT) == "one two three"
    until(lambda: "?s=" in page.url, page=page)
    assert spec_of(page.url).method == "input_x_gradient"
    assert page.get_by_role("button", name="Counting on").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="Number agreement").get_attribute("aria-pressed") == "false"
    assert page.get_by_text("Method: Input × gradient").is_visible()


def test_a_changed_control_marks_the_figure_until_it_is_changed_back(site, open_page):
    page = open_page(site.url)
    assert page.get_attribute(FIGURE, "data-stale") is None
    page.fill(PROMPT, "The keys to the cabinets")
    until(lambda: page.get_attribute(FIGURE, "data-stale") == "1", page=page)
    page.fill(PROMPT, "The keys to the cabinet")
    until(lambda: page.get_attribute(FIGURE, "data-stale") is None, page=page)


def test_a_selection_goes_into_the_link_without_asking_the_server(site, open_page):
    page = open_page(site.url)
    assert "view=sel:1-1" in page.input_value(".seq-share input")
    settle(page)
    page.asked.clear()
    page.locator(f"{FIGURE} .ss-cell").nth(5).click()
    until(lambda: "sel:0-0" in page.input_value(".seq-share input"), page=page)
    until(lambda: "sel:0-0" in page.url, page=page)
    assert page.asked == []


def test_copy_link_copies_what_the_field_shows(site, open_page):
    page = open_page(site.url, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.input_value(".seq-share input")


def choose(page, field: str, label: str) -> None:
    """Choose from a list of records as a visitor would."""
    page.locator(f"#attribution-{field} button").click()
    page.locator(f"#attribution-{field}").get_by_role("option").filter(
        has=page.get_by_text(label, exact=True)
    ).first.click()


def test_only_options_that_the_method_uses_are_on_the_form(site, open_page):
    page = open_page(site.url)
    page.get_by_text("Method: Saliency").click()
    page.get_by_text("Options", exact=True).click()
    page.locator("#attribution-aggregation").wait_for()
    assert not page.is_visible("#attribution-n_steps")
    page.get_by_text("options do not count here").click()
    assert "Steps: Saliency does not use this." in page.inner_text(".seq-about")
    choose(page, "method", "Integrated gradients")
    steps = page.locator("#attribution-n_steps")
    steps.locator("input[type=number]").wait_for()
    assert "Points on the path" in steps.inner_text()
    page.get_by_text("Method: Integrated gradients").wait_for()
    assert page.locator(".seq-about a").get_attribute("href").startswith("https://")
    assert page.said == []


WRONG = [  # as JavaScript writes them: the protocol between test and browser cannot carry half a pair
    ('"   "', "prompt: it is empty. Type a few words."),
    ('"break it"', "something went wrong here (report "),
    ('"x".repeat(20001)', "prompt: 20,001 characters are too many. Use at most 20,000."),
    ('"half \\ud83d a pair"', "prompt: character 6 is half of a surrogate pair. Retype it."),
]


def test_what_goes_wrong_is_one_sentence_and_the_page_goes_on(site, open_page):
    page = open_page(site.url)
    for prompt, sentence in WRONG:
        page.evaluate(
            "box => { const field = document.querySelector(box); field.value = " + prompt + ";"
            " field.dispatchEvent(new Event('input', {bubbles: true})); }",
            PROMPT,
        )
        page.click("button.seq-run")
        until(lambda: sentence in page.inner_text(STATUS), page=page)  # noqa: B023
        assert page.locator(STATUS).get_attribute("role") == "alert"
        assert page.get_attribute("#attribution-prompt", "data-wrong") == (None if "report" in sentence else "")
        assert "internal words" not in page.content()
        assert cells(page)[:2] == ["The", "keys"]
    run(page, "all is well")
    until(lambda: cells(page)[:3] == ["all", "is", "well"], page=page)
    assert page.said == []


def test_unusual_text_is_drawn(site, open_page):
    page = open_page(site.url)
    for prompt in ("شكرا جزيلا لكم", "I 👨‍👩‍👧 it 🇫🇷", "a\0b c", "tab\there", "\u202eright to left"):
        first = cells(page)[0]
        run(page, prompt)
        until(lambda: cells(page)[-3:] == ["four", "five", "six"] and cells(page)[0] != first, page=page)  # noqa: B023
        assert len(cells(page)) == len(prompt.split(" ")) + 3
    assert page.said == []


def test_a_long_text_is_computed_and_offered_by_short_link(site, open_page):
    import random

    words = [f"w{random.Random(i).getrandbits(40):x}" for i in range(600)]
    page = open_page(site.url)
    run(page, " ".join(words)[:9_990])
    until(lambda: "too long for a link" in page.inner_text(".seq-share"), page=page)
    link = page.input_value(".seq-share input")
    assert "?id=" in link
    other = open_page(link)
    until(lambda: cells(other)[0] == words[0], page=other)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_figure_is_in_sight_and_nothing_overflows(site, open_page, width, scheme):
    page = open_page(site.url, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = page.locator(f"{FIGURE} .ss-flow").bounding_box()
    assert box["y"] + box["height"] < 800
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(16, 18, 22)")


def test_many_examples_stay_one_row_that_can_be_leafed_through(tmp_path, open_page):
    many = [
        Example(f"e{i}", f"Example {i}", "A question?", answer(AttributionSpec(prompt=f"n {i}"))) for i in range(12)
    ]
    with serve(Settings(store=str(tmp_path)), examples=many) as full:
        page = open_page(full.url)
        back, on = page.get_by_label("Earlier examples"), page.get_by_label("More examples")
        assert on.is_visible() and not back.is_visible()
        on.click()
        until(back.is_visible, page=page)
        page.get_by_role("button", name="Example 11").click()
        until(lambda: cells(page)[:2] == ["n", "11"], page=page)
        until(lambda: not on.is_visible(), page=page)
        linked = open_page(page.input_value(".seq-share input"))
        until(
            lambda: linked.get_by_role("button", name="Example 11").get_attribute("aria-pressed") == "true", page=linked
        )
        box = linked.get_by_role("button", name="Example 11").bounding_box()
        assert 0 <= box["x"] <= 1280 - box["width"]


def test_without_recorded_examples_the_page_is_empty_and_usable(tmp_path, open_page):
    with serve(Settings(store=str(tmp_path))) as bare:
        page = open_page(bare.url)
        assert page.locator(f"{FIGURE} .ss-empty").is_visible()
        assert not page.is_visible(".seq-share") and not page.is_visible(".seq-examples")
        run(page, "hello there")
        until(lambda: cells(page) == ["hello", "there", "four", "five", "six"], page=page)


def test_running_again_explains_exactly_the_same_output(site, open_page):
    page = open_page(site.url)
    run(page, "the same words")
    until(lambda: cells(page)[:3] == ["the", "same", "words"], page=page)
    page.get_by_text("Method: Saliency").click()
    choose(page, "method", "Attention")
    page.click("button.seq-run")
    until(lambda: "Attention" in page.inner_text(FIGURE), page=page)
    assert site.answers.seen[-1].continuation_ids == (100, 101, 102)
    page.fill(PROMPT, "the same words again")
    page.click("button.seq-run")
    until(lambda: "again" in cells(page), page=page)
    assert site.answers.seen[-1].continuation_ids == ()


def test_a_full_lane_does_not_hold_up_examples(site, open_page):
    slow, quick = open_page(site.url), open_page(site.url)
    site.answers.door.clear()
    run(slow, "slow for everybody")
    until(lambda: "Attributing" in slow.inner_text(STATUS), page=slow)
    quick.get_by_role("button", name="Counting on").click()
    until(lambda: cells(quick)[:1] == ["one"], page=quick)
    assert "Attributing" in slow.inner_text(STATUS)
    site.answers.door.set()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site, open_page, width, scheme):
    page = open_page(site.url, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.get_by_text("Method: Saliency").click()
    page.get_by_text("Generation", exact=True).click()
    page.locator("#attribution-seed input").wait_for()
    page.fill(PROMPT, "")
    page.click("button.seq-run")
    until(lambda: "it is empty" in page.inner_text(STATUS), page=page)
    found = Axe().run(page).response["violations"]
    assert [(item["id"], [node["target"] for node in item["nodes"]]) for item in found] == []
