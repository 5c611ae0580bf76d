"""Every way out of the page and back shows the same numbers, in every tab, now, after a restart, and after a loss.

Numbers are read by value: an init script keeps what each figure parses, in the page, in frames and in files.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil

import numpy as np
import pytest
from pages import PATIENCE, copied, free_port, host, opened, serve_real, until, web_component

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.context_reliance.spec import ContextRelianceSpec
from spaces_app.analyses.contrastive.spec import ContrastiveSpec
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.figures import FIGURES, figure_value
from spaces_app.settings import Settings

ASSETS = {figure.component: figure.assets for figure in FIGURES.values()}
PROMPT = "The keys to the cabinet"
SPECS = {
    "Attribution": AttributionSpec(prompt=PROMPT, method="input_x_gradient", max_new_tokens=2),
    "Contrastive": ContrastiveSpec(prompt=PROMPT, contrast=" is", max_new_tokens=2),
    "Context reliance": ContextRelianceSpec(
        context="James needed a croissant.", prompt="So he went to the", method="saliency", max_new_tokens=2
    ),
    "Neuron factors": NeuronFactorsSpec(prompt=PROMPT, k=2, stability=False, max_new_tokens=2),
}
every_tab = pytest.mark.parametrize("tab", SPECS)
KEEP = """window.parsedFigures = {};
const parse = JSON.parse;
JSON.parse = (...given) => {
  const found = parse(...given);
  if (found && typeof found.kind === "string" && Array.isArray(found.badges)) window.parsedFigures[found.kind] = found;
  return found;
};"""
HELD = "(kind) => JSON.stringify(window.parsedFigures[kind] ?? null)"


class Shared:
    """One result of each tab, what its share dialog copies, its file, and the server that is up."""

    def __init__(self, store):
        self.store, self.port = store, free_port()
        self.results, self.texts, self.files = {}, {}, {}
        self.server = contextlib.ExitStack()

    def start(self):
        settings = Settings(store=str(self.store), threads=1, frames="*")
        self.url, self.runner = self.server.enter_context(serve_real(settings, port=self.port))

    def restart(self, *, without_store: bool = False):
        self.server.close()
        if without_store:
            shutil.rmtree(self.store)
        self.start()

    def kind(self, tab: str) -> str:
        return FIGURES[self.results[tab].spec.kind].component

    def original(self, tab: str) -> list:
        return numbers(figure_value(self.results[tab]))


@pytest.fixture(scope="module")
def shared(tmp_path_factory, browser):
    """The results of all tabs, computed and then opened once, so that their links are those the page gives."""
    found = Shared(tmp_path_factory.mktemp("every") / "store")
    found.start()
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    for tab, spec in SPECS.items():
        found.results[tab] = found.runner.run(spec)
        page.goto(found.url + "/?id=" + found.results[tab].spec.digest())
        page.wait_for_selector(f"{ASSETS[found.kind(tab)].selector} .ss-cell >> visible=true")
        dialog = opened(page)
        found.texts[tab] = copied(dialog)
        href = dialog.get_by_role("link", name="Interactive page").evaluate("link => link.href")
        found.files[tab] = tmp_path_factory.mktemp("files") / "figure.html"
        found.files[tab].write_bytes(context.request.get(href).body())
    context.close()
    yield found
    found.server.close()


@pytest.fixture
def visit(browser):
    """A function that opens an address in a profile without a cache, in which figures keep what they parse."""
    with contextlib.ExitStack() as stack:

        def visit(url: str):
            size = {"width": 1280, "height": 4000}  # what is far below the window is not loaded
            context = stack.enter_context(contextlib.closing(browser.new_context(viewport=size)))
            context.add_init_script(KEEP)
            page = context.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            page.goto(url, wait_until="commit")
            return page

        yield visit


def numbers(value, path: str = "") -> list[tuple[str, float | np.ndarray | None]]:
    """Every number of a figure's value with its place in it, packed matrices unpacked; badges tell when, not what."""
    if isinstance(value, dict) and "f32" in value:
        cells = np.frombuffer(base64.b64decode(value["f32"]), dtype="<f4")
        return [(path, cells), *numbers({name: part for name, part in value.items() if name != "f32"}, path)]
    if isinstance(value, dict):
        parts = sorted((name, part) for name, part in value.items() if name not in ("badges", "state", "again"))
        return [found for name, part in parts for found in numbers(part, f"{path}.{name}")]
    if isinstance(value, (list, tuple)):
        return [found for i, part in enumerate(value) for found in numbers(part, f"{path}[{i}]")]
    return [] if isinstance(value, (str, bool)) else [(path, value)]


def check_same(found: list, wanted: list, within: float = 1e-6) -> None:
    assert [path for path, _ in found] == [path for path, _ in wanted]
    for (path, mine), (_, original) in zip(found, wanted, strict=True):
        if original is None:
            assert mine is None, path
        else:
            np.testing.assert_allclose(mine, original, rtol=0, atol=within, err_msg=path)


def shown_in(frame, shared: Shared, tab: str, page) -> list:
    """The numbers of the figure that a page, a frame or a file shows."""
    kind, words = shared.kind(tab), [token.text for token in shared.results[tab].tokens]

    def shown():
        if not frame.locator(f"{ASSETS[kind].selector} .ss-cell >> visible=true").count():
            return None
        value = json.loads(frame.evaluate(HELD, kind))
        return value and [token["text"] for token in value["tokens"]] == words and value  # not an example, meanwhile

    return numbers(until(shown, page=page))


def alone(shared: Shared, tab: str, visit):
    """The numbers that each address and the file show in a window of their own."""
    for url in addresses(shared, tab) + [shared.files[tab].as_uri()]:
        page = visit(url)
        yield shown_in(page, shared, tab, page)
        page.context.close()


def elsewhere(shared: Shared, tab: str, visit, framed: list[str]):
    """The numbers in somebody else's page: the copied code, frames of `framed`, and a <gradio-app>."""
    token = shared.texts[tab]["Link"].partition("?")[2].replace("&", "&amp;")
    frames = "".join(f'<iframe src="{url.replace("&", "&amp;")}" width="1000" height="500"></iframe>' for url in framed)
    element = web_component(shared.url, f'data-analysis="{token}" data-sync="off"')
    with host(shared.texts[tab]["Code for a page"] + frames + element) as paper:
        page = visit(paper)
        until(lambda: len(page.frames) == 2 + len(framed), page=page)
        for frame in [*page.frames[1:], page]:
            yield shown_in(frame, shared, tab, page)
        page.context.close()


def addresses(shared: Shared, tab: str) -> list[str]:
    texts = shared.texts[tab]
    by_id = f"{shared.url}/embed/{shared.results[tab].spec.digest()}"
    return [texts["Link"], texts["Short link"], texts["Embed link"], by_id]


@every_tab
def test_every_way_shows_the_numbers_of_the_original(tab, shared, visit):
    wanted, seen = shared.original(tab), 0
    assert sum(np.size(number) for _, number in wanted) > 20
    for ways in (alone(shared, tab, visit), elsewhere(shared, tab, visit, [shared.texts[tab]["Link"]])):
        for found in ways:
            check_same(found, wanted)
            seen += 1
    assert seen == 5 + 3


def test_every_way_shows_them_after_the_server_was_started_again(shared, visit):
    shared.restart()
    for tab in SPECS:
        found = list(elsewhere(shared, tab, visit, addresses(shared, tab)))
        assert len(found) == 6
        for each in found:
            check_same(each, shared.original(tab))


def test_without_the_store_whole_links_compute_the_same_and_short_ones_say_so(shared, visit):
    shared.restart(without_store=True)
    for tab in SPECS:
        page = visit(shared.texts[tab]["Short link"])
        until(lambda: "no longer kept here" in page.inner_text(".seq-status p"), page=page)  # noqa: B023
        page.goto(f"{shared.url}/embed/{shared.results[tab].spec.digest()}")
        assert page.inner_text("main p").startswith("This figure is no longer kept here.")
        page.goto(shared.texts[tab]["Link"])
        check_same(shown_in(page, shared, tab, page), shared.original(tab), within=1e-5)
        page.context.close()
