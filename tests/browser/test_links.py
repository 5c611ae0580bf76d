"""A link brings back tab, inputs, selection and figure, wherever it is opened."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest
from pages import (
    FIGURE,
    REVISION,
    answer,
    cells,
    free_port,
    host,
    recorded,
    serve,
    settle,
    spec_of,
    until,
    web_component,
)
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray
from spaces_app.link import encode, readable, to_link
from spaces_app.settings import Settings

ROOT = Path(__file__).parents[2]
PROMPT = "#attribution-prompt textarea"
STATUS = ".seq-status p"
SPEC = AttributionSpec(prompt="a link from afar", method="attention", max_new_tokens=2)


@pytest.fixture
def stored(site):
    """A result in the store, as left by an earlier visitor, and its link without the address of the page."""
    result = answer(SPEC)
    site.runner.store.put(result.spec.digest(), result.to_dict())
    return to_link(result.spec, view="sel:1-1,view:percent")


def check_restored(page) -> None:
    until(lambda: cells(page)[:4] == ["a", "link", "from", "afar"] or None, page=page)
    assert page.input_value(PROMPT) == "a link from afar"
    assert page.get_by_text("Method: Attention").is_visible()
    assert page.get_by_label("Percent").is_checked()
    until(lambda: "‘five’" in page.inner_text(f"{FIGURE} .ss-caption"), page=page)
    assert page.get_by_role("tab", name="Attribution").get_attribute("aria-selected") == "true"


def test_a_stored_link_opens_as_it_was_left_without_computing(site, stored, open_page):
    began = len(site.answers.seen)
    page = open_page(site.url + "/" + stored)
    check_restored(page)
    settle(page)
    assert len(site.answers.seen) == began
    assert page.url == site.url + "/" + stored == page.input_value(".seq-share input")


def test_the_first_example_never_shows_while_a_link_is_opened(site, stored, open_page):
    page = open_page("about:blank", wait=False)
    page.add_init_script(
        """window.seen = new Set(); const look = () => { const figure = document.querySelector(".seq-figure");
        if (figure && getComputedStyle(figure).visibility === "visible")
          document.querySelectorAll(".ss-cell").forEach(cell => seen.add(cell.textContent.trim()));
        requestAnimationFrame(look); }; look();"""
    )
    page.goto(site.url + "/" + stored)
    check_restored(page)
    assert "cabinet" not in page.evaluate("[...seen]")
    assert any("afar" in text for text in page.evaluate("[...seen]"))


def test_a_link_in_the_fragment_opens_and_never_reaches_the_server(site, stored, open_page):
    page = open_page(site.url + "/#" + stored[1:])
    check_restored(page)
    settle(page)
    assert page.url == site.url + "/#" + stored[1:] == page.input_value(".seq-share input")
    token = stored.split("=")[1].split("&")[0]
    assert not [url for url in page.asked if token in url.partition("#")[0]]


def test_a_short_link_opens_the_stored_result(site, stored, open_page):
    digest = answer(SPEC).spec.digest()
    page = open_page(f"{site.url}/?id={digest}&view=sel:1-1,view:percent")
    check_restored(page)
    until(lambda: "?s=" in page.url, page=page)


def test_a_link_that_nobody_has_computed_is_computed_with_its_exact_output(site, open_page):
    spec = AttributionSpec(prompt="nobody knows", continuation_ids=(7, 8, 9), revision=REVISION)
    page = open_page(site.url + "/" + to_link(spec, view="sel:2-2"))
    until(lambda: cells(page) == ["nobody", "knows", "id7", "id8", "id9"] or None, page=page)
    assert site.answers.seen[-1] == spec
    until(lambda: "‘id9’" in page.inner_text(f"{FIGURE} .ss-caption"), page=page)
    assert page.get_attribute(FIGURE, "data-stale") is None


def test_a_link_written_by_hand_is_read_and_rewritten(site, open_page):
    page = open_page(f"{site.url}/?analysis=attribution&prompt=by+hand&method=occlusion&max_new_tokens=2&__theme=dark")
    until(lambda: cells(page) == ["by", "hand", "four", "five"] or None, page=page)
    until(lambda: "?s=" in page.url and "prompt=" not in page.url, page=page)
    assert page.url.endswith("&__theme=dark")
    assert spec_of(page.url).method == "occlusion"


def test_a_link_pasted_over_the_open_page_is_opened(site, stored, open_page):
    page = open_page(site.url)
    page.evaluate("link => { location.hash = link }", stored[1:])
    check_restored(page)


BAD = [
    ("s=AAAA", "this link is damaged"),
    ("s=%3Cscript%3E", "this link is damaged"),
    ("s=" + "A" * 5000, "this link is damaged: it is cut off"),
    ("id=42", "this short link is damaged"),
    ("id=" + "0" * 64, "no longer kept here"),
    ("analysis=astrology", "'astrology' is not an analysis."),
    ("analysis=attribution&method=magic", "method: 'magic' is not one of"),
    ("analysis=attribution&colour=red", "'colour' is not an option of attribution."),
]


def test_a_bad_link_gives_one_sentence_and_a_usable_page(site, open_page):
    link, sentence = BAD[-1]
    page = open_page(site.url + "/?" + link)
    until(lambda: sentence in page.inner_text(STATUS), page=page)
    for link, sentence in BAD:
        page.evaluate("link => { location.hash = link }", link)
        until(lambda: sentence in page.inner_text(STATUS), page=page)  # noqa: B023
        assert page.locator(STATUS).get_attribute("role") == "alert"
        until(lambda: cells(page)[:2] == ["The", "keys"] and page.locator(FIGURE).is_visible(), page=page)
    page.fill(PROMPT, "still here")
    page.click("button.seq-run")
    until(lambda: cells(page)[:2] == ["still", "here"], page=page)
    until(lambda: not page.is_visible(".seq-status"), page=page)


def test_a_stored_link_opens_while_somebody_else_computes(site, stored, open_page):
    busy = open_page(site.url)
    site.answers.door.clear()
    busy.fill(PROMPT, "slow and long")
    busy.click("button.seq-run")
    until(lambda: "Attributing" in busy.inner_text(STATUS), page=busy)
    page = open_page(site.url + "/" + stored)
    check_restored(page)
    assert "Attributing" in busy.inner_text(STATUS)
    site.answers.door.set()
    until(lambda: cells(busy)[:1] == ["slow"], page=busy)


def test_on_zero_gpu_a_link_waits_for_a_click(tmp_path, open_page, monkeypatch):
    monkeypatch.setattr("spaces_app.serving.runner.make_lane", _thread_lane)
    with serve(Settings(store=str(tmp_path), zero_gpu=True), examples=recorded()) as gpu:
        page = open_page(gpu.url + "/" + to_link(AttributionSpec(prompt="costs a share")))
        until(lambda: "Press Run" in page.inner_text(STATUS), page=page)
        assert page.input_value(PROMPT) == "costs a share"
        page.wait_for_timeout(600)
        assert gpu.answers.seen == []
        page.click("button.seq-run")
        until(lambda: cells(page)[:3] == ["costs", "a", "share"], page=page)


@pytest.mark.parametrize("kind", ["token", "readable"])
def test_a_link_to_a_model_that_was_never_used_here_waits_for_a_click(tmp_path, open_page, kind):
    strange = AttributionSpec(model="owner/strange", prompt="let me in")
    with serve(Settings(store=str(tmp_path)), examples=recorded()) as local:
        link = to_link(strange) if kind == "token" else f"?{readable(strange)}"
        page = open_page(f"{local.url}/{link}")
        until(lambda: "“owner/strange”, not used here so far" in page.inner_text(STATUS), page=page)
        assert page.input_value(PROMPT) == "let me in"
        assert local.answers.seen == [] and local.runner.strange(strange) == ["owner/strange"]
        page.click("button.seq-run")
        until(lambda: local.runner.strange(strange) == [], page=page)
        other = open_page(f"{local.url}/{to_link(strange.replace(prompt='once more'))}")
        until(lambda: "Opening" not in other.inner_text(STATUS), page=other)
        assert "not used here" not in other.inner_text(STATUS)


def test_another_website_cannot_show_a_local_page_in_a_frame(site, open_page):
    with host(f'<iframe src="{site.url}/?analysis=attribution&prompt=drive+by"></iframe>') as elsewhere:
        page = open_page(elsewhere, wait=False)
        page.wait_for_load_state("networkidle")
        assert page.frames[1].locator(PROMPT).count() == 0
        assert "drive by" not in {spec.prompt for spec in site.answers.seen}


def _thread_lane(settings):
    from spaces_app.serving.lanes import ThreadLane

    return ThreadLane(settings)


def test_on_a_space_links_name_the_space_and_strange_models_are_refused(tmp_path, open_page):
    settings = Settings(store=str(tmp_path), space_id="owner/demo", allow_any_model=False)
    with serve(settings, examples=recorded()) as space:
        page = open_page(space.url)
        assert page.input_value(".seq-share input").startswith("https://huggingface.co/spaces/owner/demo?s=")
        other = open_page(space.url + "/" + to_link(AttributionSpec(model="owner/strange", prompt="let me in")))
        until(lambda: "'owner/strange' is not one of the models offered here." in other.inner_text(STATUS), page=other)
        assert other.input_value(PROMPT) == "let me in"


# Embedding -----------------------------------------------------------------------------------------------------


def test_a_link_opens_in_an_iframe(tmp_path, open_page):
    with serve(Settings(store=str(tmp_path), frames="*"), examples=recorded()) as site:
        _opens_in_an_iframe(site, open_page)


def _opens_in_an_iframe(site, open_page):
    result = answer(SPEC)
    site.runner.store.put(result.spec.digest(), result.to_dict())
    link = to_link(result.spec, view="sel:1-1,view:percent")
    with host(f'<iframe src="{site.url}/{link}" width="1000" height="800"></iframe>') as paper:
        page = open_page(paper, wait=False)
        frame = page.frame_locator("iframe")
        expect(frame.locator(f"{FIGURE} .ss-cell").first).to_contain_text("a")
        assert frame.locator(PROMPT).input_value() == "a link from afar"
        frame.locator(f"{FIGURE} .ss-cell").nth(4).click()
        until(lambda: "sel:0-0" in frame.locator(".seq-share input[type=text]").input_value(), page=page)
        until(lambda: "sel:0-0" in page.frames[1].url, page=page)
        assert page.url.rstrip("/") == paper


def test_on_the_hub_the_address_people_see_follows(tmp_path, open_page):
    settings = Settings(store=str(tmp_path), space_id="owner/demo", allow_any_model=False)
    with serve(settings, examples=recorded()) as space:
        page = open_page("about:blank", wait=False)
        body = f"""<!doctype html><script>window.told = [];
        addEventListener("message", event => event.data.queryString && told.push([event.origin, event.data]))</script>
        <iframe src="{space.url}" width="1200" height="800" allow="local-network-access"></iframe>"""
        with contextlib.suppress(PlaywrightError):  # older browsers neither ask for this permission nor know it
            page.context.grant_permissions(["local-network-access"], origin="https://huggingface.co")
        page.route("https://huggingface.co/**", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto("https://huggingface.co/spaces/owner/demo")
        page.frame_locator("iframe").get_by_role("button", name="Counting on").click()
        origin, told = until(lambda: page.evaluate("told[0]"), page=page)
        assert origin == space.url
        assert spec_of("?" + told["queryString"]).prompt == "one two three"


def test_a_link_opens_in_gradio_app_on_another_page(site, stored, open_page):
    token = encode(answer(SPEC).spec)
    with host(web_component(site.url, f'data-analysis="s={token}&view=sel:1-1,view:percent"')) as paper:
        page = open_page(paper)
        check_restored(page)
        page.locator(f"{FIGURE} .ss-cell").nth(4).click()
        until(lambda: "sel:0-0" in page.url, page=page)
        # The page that embeds it has become the thing to share: opened anew, it shows the selection made there.
        again = open_page(page.url)
        until(lambda: "‘four’" in again.inner_text(f"{FIGURE} .ss-caption"), page=again)
        page.fill(PROMPT, "run from a paper")
        page.click("button.seq-run")
        until(lambda: cells(page)[:4] == ["run", "from", "a", "paper"], page=page)
        assert page.said == []
        assert [url for url in page.asked if not url.startswith((site.url, paper, "data:", "blob:"))] == []


def test_a_page_that_embeds_us_keeps_its_own_address(site, open_page):
    token = encode(answer(SPEC).spec)
    with host(web_component(site.url, f'data-analysis="{token}" data-sync="off"')) as paper:
        page = open_page(paper + "/?id=42&analysis=ours#section-3")
        until(lambda: cells(page)[:2] == ["a", "link"], page=page)
        page.locator(f"{FIGURE} .ss-cell").nth(5).click()
        until(lambda: "sel:1-1" in page.input_value(".seq-share input"), page=page)
        settle(page)
        assert page.url == paper + "/?id=42&analysis=ours#section-3"


# The real thing ------------------------------------------------------------------------------------------------


def test_python_app_py_computes_a_link_with_a_real_model(family_folder, tmp_path, open_page):
    from gradio_client import Client

    from spaces_app.serving.runner import Runner

    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "SEQSCOPE_STORE": str(tmp_path / "page")}
    url = f"http://127.0.0.1:{port}"
    asked = {"model": str(family_folder("gpt2")), "prompt": "The keys to the cabinet", "max_new_tokens": 3}
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: _answers(url), seconds=60)
        page = open_page(f"{url}/?analysis=attribution&" + urlencode(asked), wait=False)
        until(lambda: "not used here so far" in page.inner_text(STATUS), page=page)  # a folder, named by a link
        page.click("button.seq-run")
        page.wait_for_selector(f"{FIGURE} .ss-cell", timeout=60_000)
        until(lambda: spec_of(page.url) and spec_of(page.url).revision, page=page)
        shown = spec_of(page.url)
        assert page.said == []
        served = Client(url, verbose=False).predict(**asked, api_name="/attribution")
    finally:
        server.terminate()
        server.wait(timeout=30)
    runner = Runner(Settings(store=str(tmp_path / "python")))
    result = runner.run(AttributionSpec(**asked))
    runner.stop()
    assert shown == result.spec
    assert served["tokens"] == result.to_dict()["tokens"]
    mine, theirs = result.arrays["attributions"].values, NamedArray.from_dict(served["arrays"]["attributions"]).values
    np.testing.assert_allclose(theirs, mine, atol=1e-6)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
