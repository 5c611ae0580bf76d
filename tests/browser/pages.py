"""The whole page in a browser, around a worker that answers at once, slowly, or with whatever a test asks for."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from gradio import Blocks

import spaces_app.serving.runner as runner_module
import spaces_app.ui.page.panel as panel_module
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.costs.limits import Estimate, Inquiry
from spaces_app.errors import ModelUnavailable, SpecError
from spaces_app.export.html import standalone
from spaces_app.methods import METHODS
from spaces_app.results import Result
from spaces_app.serving.gallery import Example
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token
from spaces_app.ui.app import build_app, launch_arguments
from spaces_app.ui.server.listeners import Listeners

PATIENCE = 30  # seconds until what must happen counts as not happening; none are lost where it happens
REVISION = "f" * 40
LAST = list(METHODS)[-1]
FIGURE = ".seqscope-figure"
EARLY = "#seqscope-early"
LISTEN = "window.heard = []; document.addEventListener('seqscope:view', (event) => heard.push(event.detail.state))"
ONE = AttributionSpec(prompt="The keys to the cabinet")
TWO = AttributionSpec(prompt="one two three", method="input_x_gradient")


def answer(spec: AttributionSpec, writes: str = "four five six") -> Result:
    """A result anybody can check: every word is a token, and token i counts i + 1 for every output."""
    prompt = [Token(10 + i, word, "prompt") for i, word in enumerate(_pieces(spec.prompt))]
    if spec.continuation_ids:
        written = [f" id{number}" for number in spec.continuation_ids]
    else:
        written = [f" {word}" for word in (spec.continuation or writes).split()][: spec.max_new_tokens]
    ids = spec.continuation_ids or tuple(range(100, 100 + len(written)))
    generated = [Token(number, word, "generated") for number, word in zip(ids, written, strict=True)]
    n, g = len(prompt) + len(generated), len(generated)
    scores = np.tile(np.arange(1.0, n + 1)[:, None], (1, g))
    for column in range(g):
        scores[len(prompt) + column :, column] = np.nan
    method, target = METHODS[spec.method], STEP_FUNCTIONS[spec.step_function]
    arrays = {
        "attributions": NamedArray(scores, {"input": positions(n), "generated": positions(g)}, target.unit),
        "step_scores": NamedArray(
            np.full((len(STEP_FUNCTIONS), g), 0.5),
            {"step_function": tuple(STEP_FUNCTIONS), "generated": positions(g)},
            "",
        ),
    }
    notes = {
        "model": spec.model, "revision": REVISION, "dtype": "float32", "device": "cpu", "attention": "eager",
        "versions": {}, "seconds": {"load": 0.0, "generate": 0.0, "attribute": 0.1}, "method": method.label,
        "signed": method.signed, "aggregation": "l2", "target": target.label, "unit": target.unit, "baseline": "",
        "convergence_gap": None, "warnings": [], "forced": bool(spec.continuation), "recorded": "2026-01-01",
    }  # fmt: skip
    pinned = spec.replace(revision=REVISION, continuation_ids=ids)
    return Result(pinned, tuple(prompt + generated), arrays, notes)


def compared(spec: ComparisonSpec, writes: str) -> Result:
    """The answers of several methods, the k-th of which counts i + 1 times k + 1, backwards in every second one."""
    parts = [answer(part.replace(continuation_ids=spec.continuation_ids), writes) for part in spec.parts()]
    names = tuple(part.spec.method for part in parts)
    scores = np.stack([part.arrays["attributions"].values * (k + 1) for k, part in enumerate(parts)])
    scores[1::2] = scores[1::2].max(where=~np.isnan(scores[1::2]), initial=0) - scores[1::2]
    same = np.where(np.add.outer(range(len(names)), range(len(names))) % 2, -1.0, 1.0)
    head = parts[0]
    notes = head.notes | {
        "refused": {},
        "methods": {
            part.spec.method: {name: part.notes[name] for name in ("method", "signed", "target", "unit")}
            for part in parts
        },
    }
    axes = {"method": names} | head.arrays["attributions"].axes
    arrays = {
        "attributions": NamedArray(scores, axes, ""),
        "step_scores": head.arrays["step_scores"],
        "agreement": NamedArray(same, {"method": names, "other": names}, "rank correlation"),
    }
    pinned = spec.replace(revision=REVISION, continuation_ids=head.spec.continuation_ids)
    return Result(pinned, head.tokens, arrays, notes)


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])]


class Answers:
    """Stands for the worker. A prompt that begins with "slow" is answered when `door` opens; `seen` are the specs."""

    def __init__(self):
        self.door, self.seen, self.stopped, self.vocabulary = threading.Event(), [], 0, None
        self.asked = 0  # how often somebody wanted to know what methods would take

    def warm(self):
        """Nothing to import."""

    def answer(self, spec, tick):
        if isinstance(spec, Inquiry):
            return self._estimates(spec)
        self.seen.append(spec)
        if not spec.prompt.strip():
            raise SpecError("it is empty.", hint="Type a few words.", field="prompt")
        if spec.model.startswith("evil/"):
            raise ModelUnavailable(f"{spec.model!r} is not on the Hub.", field="model")
        if spec.prompt.startswith("break"):
            raise RuntimeError(f"internal words about {spec.prompt}")
        if spec.prompt.startswith("slow"):
            self._wait(tick)
        explain = compared if isinstance(spec, ComparisonSpec) else answer
        return explain(spec, writes=self.vocabulary or "four five six")

    def _estimates(self, inquiry):
        """The k-th method takes k seconds; the last one of Seqscope's own cannot explain the model."""
        self.asked += 1
        found = {name: Estimate(float(k)) for k, name in enumerate(inquiry.specs)}
        if next(iter(inquiry.specs.values())).model.startswith("owner/"):
            return {}
        return found | {LAST: Estimate(None, "this model is of another make.")}

    def _wait(self, tick):
        done = 0
        try:
            while not self.door.wait(0.05):
                done += 1
                tick(min(done, 11), 12, "Attributing token")
        except BaseException:
            self.stopped += 1
            raise


class Site:
    """A served page: its address, its runner, its worker, its Blocks."""

    def __init__(self, url: str, runner: Runner, answers: Answers, demo: Blocks):
        self.url, self.runner, self.answers, self.demo = url, runner, answers, demo


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(settings: Settings, *, examples=()):
    """The page of `settings` on a free port of this computer, with `examples` in place of the recorded ones."""
    answers, listeners = Answers(), Listeners()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spaces_app.serving.lanes.Worker", lambda settings: answers)
        patch.setattr(panel_module, "examples", lambda name: tuple(e for e in examples if e.result.spec.kind == name))
        runner = Runner(settings)
        demo = build_app(settings, runner, listeners)
    arguments = launch_arguments(settings, runner, listeners)
    with only_here(settings):
        _, url, _ = demo.launch(**arguments, prevent_thread_lock=True, quiet=True, server_port=free_port())
        try:
            yield Site(url.rstrip("/"), runner, answers, demo)
        finally:
            answers.door.set()
            demo.close(verbose=False)
            runner.stop()


@contextlib.contextmanager
def serve_real(settings: Settings, *, port: int = 0):
    """(address, runner) of the page with its recorded examples and the models that ship with it."""
    runner, listeners = Runner(settings), Listeners()
    demo = build_app(settings, runner, listeners)
    given = launch_arguments(settings, runner, listeners)
    _, url, _ = demo.launch(**given, prevent_thread_lock=True, quiet=True, server_port=port or free_port())
    try:
        yield url.rstrip("/"), runner
    finally:
        demo.close(verbose=False)
        runner.stop()


@contextlib.contextmanager
def host(body: str):
    """The address of somebody else's page, on another port of this computer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = f"<!doctype html><html lang=en><title>A paper</title><body style='margin:0'>{body}</body></html>"
            shown = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(shown)))
            self.end_headers()
            self.wfile.write(shown)

        def log_message(self, *_):
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def web_component(url: str, attributes: str) -> str:
    """Code that shows the page at `url` in somebody else's page."""
    script = f'<script type="module" src="{url}/gradio.js"></script>'
    return f'{script}<h1>Our paper</h1><gradio-app src="{url}" {attributes}></gradio-app>'


def opened(page):
    """The share dialog of the tab that is shown."""
    page.locator(".seq-share button", has_text=re.compile("^Share$")).locator("visible=true").click()
    page.wait_for_selector("dialog[open] .seq-share-row")
    return page.locator("dialog[open]")


def copied(dialog) -> dict[str, str]:
    """What the share dialog copies, by its labels."""
    rows = dialog.locator(".seq-share-row")
    texts = rows.evaluate_all(
        "rows => rows.map(r => [r.querySelector('label').textContent, r.querySelector('input, textarea').value])"
    )
    return dict(texts)


@contextlib.contextmanager
def only_here(settings: Settings):
    """Models are taken for found by the runner with these settings, and by no other in this process."""
    resolve, fetch = runner_module.resolve, runner_module.fetch
    ours = {id(settings)}

    def resolve_here(model, given, *, revision=""):
        return Found(model, given) if id(given) in ours else resolve(model, given, revision=revision)

    def fetch_here(source, given, tick):
        return source if id(given) in ours else fetch(source, given, tick)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner_module, "resolve", resolve_here)
        patch.setattr(runner_module, "fetch", fetch_here)
        yield


class Found:
    """What resolving a model gives."""

    revision = REVISION

    def __init__(self, model: str, settings: Settings):
        if model.startswith("owner/") and not settings.allow_any_model:
            raise SpecError(f"{model!r} is not one of the models offered here.", field="model")


def recorded() -> list[Example]:
    """Two examples, the first with a selection of its own."""
    return [
        Example("keys", "Number agreement", "What makes the verb plural?", answer(ONE, "are here"), "sel:1-1"),
        Example("count", "Counting on", "Where does the list go next?", answer(TWO)),
    ]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The page as a visitor of a laptop or Space finds it, with two recorded examples."""
    settings = Settings(store=str(tmp_path_factory.mktemp("store")))
    with serve(settings, examples=recorded()) as served:
        yield served


@pytest.fixture
def open_page(browser):
    """A function that opens an address in a fresh browser profile and gives the page, watched for what goes wrong."""
    contexts = []

    def open_page(url: str, *, wait: bool = True, **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        watch(page)
        page.goto(url, wait_until="commit")
        if wait:
            page.wait_for_selector(f"{FIGURE} .ss-cell, {FIGURE} .ss-empty:not([hidden])")
            page.wait_for_selector(EARLY, state="detached")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def open_file(browser, tmp_path):
    """A function that shows a value as a stand-alone file. Nothing may go wrong in the console, or leave the file."""
    contexts, said, asked = [], [], []

    def open_file(value, *, checked: bool = True, **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        if checked:
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        path = tmp_path / f"figure{len(contexts)}.html"
        path.write_text(standalone(value), encoding="utf-8")
        page.goto(path.as_uri())
        page.evaluate(LISTEN)
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert said == []
    assert all(url.startswith("file:") for url in asked)


def heard(page) -> list[str]:
    """The states that the figures of a file have announced to the page."""
    return page.evaluate("window.heard")


def watch(page) -> None:
    """Collect what the console says, what is asked of the network, and dialogs: `page.said`, `.asked`, `.dialogs`."""
    page.said, page.asked, page.dialogs = [], [], []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    page.on("request", lambda request: page.asked.append(request.url))

    def dismiss(dialog):
        page.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)


def cells(page) -> list[str]:
    """The words of the figure, without the numbers of the percent view."""
    texts = """cells => cells.map(cell => { const copy = cell.cloneNode(true);
    copy.querySelectorAll(".ss-bar, .ss-number").forEach(part => part.remove()); return copy.textContent.trim(); })"""
    return page.locator(f"{FIGURE} .ss-cell").evaluate_all(texts)


def until(check, seconds: float = PATIENCE, page=None):
    """The first true value of `check()`. Fails with its last value when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < end, value
        page.wait_for_timeout(50) if page else time.sleep(0.05)


def wait(page, milliseconds: int) -> None:
    """Wait by the page's own timers: whatever it had put off for less long has happened then, on a busy machine too."""
    page.evaluate("time => new Promise(done => setTimeout(done, time))", milliseconds)


def settle(page) -> None:
    """Wait until the page has rewritten its address, which it does a little later."""
    wait(page, 250)


def spec_of(url: str):
    """The spec in an address."""
    from spaces_app.analyses import KINDS
    from spaces_app.link import parse_query

    return parse_query(url.partition("?")[2].partition("#")[0], KINDS)[0]


def with_ids(spec: AttributionSpec, *ids: int) -> AttributionSpec:
    """The spec with an exact output, as links carry it."""
    return replace(spec, revision=REVISION, continuation_ids=ids)
