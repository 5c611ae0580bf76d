"""The served page without a browser: public functions, private events, what is logged, and when torch starts."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import httpx
import pytest
from browser.pages import Answers, answer, free_port, recorded, serve
from gradio.queueing import Queue
from gradio_client import Client
from gradio_client.exceptions import AppError as ClientError
from support import wait_for

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.link import parse_query, to_link
from spaces_app.settings import Settings
from spaces_app.tabs import TABS
from spaces_app.ui.app import POLL, hosts
from spaces_app.ui.server import warm
from spaces_app.ui.server.guard import LOCAL_HOSTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    settings = Settings(store=str(tmp_path_factory.mktemp("store")))
    with serve(settings, examples=recorded()) as served:
        yield served


@pytest.fixture(scope="module")
def client(site):
    return Client(site.url, verbose=False)


def test_the_page_answers_before_torch_is_imported():
    code = """
import sys, urllib.request
from spaces_app.ui.app import build
demo, arguments = build()
_, url, _ = demo.launch(**arguments, prevent_thread_lock=True, quiet=True)
page = urllib.request.urlopen(url).read()
print(b"Seqscope" in page, sorted({"torch", "transformers", "captum"} & set(sys.modules)))
demo.close()
"""
    environment = os.environ | {"GRADIO_SERVER_PORT": str(free_port()), "GRADIO_ANALYTICS_ENABLED": "False"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert "True []" in done.stdout.splitlines(), done.stdout + done.stderr


def test_an_idle_server_looks_at_its_queue_no_more_often_than_it_says(site, monkeypatch):
    looks = defaultdict(list)  # other pages may be served beside
    monkeypatch.setattr(Queue, "__len__", lambda queue: looks[id(queue)].append(time.monotonic()) or 0)
    time.sleep(1)
    own = looks[id(site.demo._queue)]
    assert len(own) > 1 and (own[-1] - own[0]) / (len(own) - 1) >= POLL


def test_every_analysis_is_one_public_typed_function_and_nothing_else_is_public(site):
    info = httpx.get(f"{site.url}/gradio_api/info").json()
    assert set(info["named_endpoints"]) == {f"/{name}" for tab in TABS.values() for name in tab.views}
    assert info["unnamed_endpoints"] == {}
    fields = {field["parameter_name"]: field for field in info["named_endpoints"]["/attribution"]["parameters"]}
    options = {name: (default, facts) for name, default, facts in AttributionSpec.options() if facts.group != "hidden"}
    assert list(fields) == list(options)
    for name, (default, facts) in options.items():
        assert fields[name]["parameter_default"] == default
        if facts.choices is not None:
            assert fields[name]["type"]["enum"] == list(facts.choices())
    assert fields["n_steps"]["type"]["type"] == "integer"


def test_the_api_returns_the_result_as_documented_with_its_link(client):
    result = client.predict(prompt="one two", method="attention", max_new_tokens=2, api_name="/attribution")
    assert [token["text"] for token in result["tokens"]] == ["one", " two", " four", " five"]
    assert result["arrays"]["attributions"]["values"] == [[1.0, 1.0], [2.0, 2.0], [None, 3.0], [None, None]]
    spec, _, _ = parse_query(result["link"], {"attribution": AttributionSpec})
    assert spec.to_dict() == result["spec"]
    assert (spec.method, spec.continuation_ids) == ("attention", (100, 101))


def test_the_api_gives_the_same_sentence_as_the_page_and_never_a_traceback(client):
    for values, sentence in [
        ({"prompt": "  "}, "prompt: it is empty. Type a few words."),
        ({"prompt": "x", "n_steps": 1, "method": "integrated_gradients"}, "n_steps: 1 is outside 2 to 300."),
        ({"prompt": "x" * 20_001}, "prompt: 20,001 characters are too many. Use at most 20,000."),
    ]:
        with pytest.raises(ClientError) as refused:
            client.predict(**values, api_name="/attribution")
        assert str(refused.value) == sentence
    with pytest.raises(ClientError) as bug:
        client.predict(prompt="break it", api_name="/attribution")
    assert str(bug.value).startswith("something went wrong here (report ")
    assert "internal words" not in str(bug.value)


def test_the_queue_cannot_be_passed_by(site):
    answer = httpx.post(f"{site.url}/gradio_api/run/attribution", json={"data": ["bundled/tiny-causal", "hi"]})
    assert answer.status_code == 404
    assert "queue" in answer.text


def test_junk_sent_to_every_function_leaves_the_page_standing(site):
    functions = httpx.get(f"{site.url}/config").json()["dependencies"]
    junk = [
        ([], None),
        ([None] * 20, {}),
        (["x"] * 20, {"name": 3}),
        ([{"spec": {"kind": 1}}], {"link": "?s=" + "A" * 50}),
        ([{"spec": {"kind": "attribution"}}], {"link": ["s"]}),
        ([[[]]] * 14, "text"),
        ([{"same": 1, "hidden": 2, "spec": "x"}] * 14, [1]),
    ]
    for function in functions:
        for data, event in junk:
            body = {"data": data, "fn_index": function["id"], "session_hash": "junk", "event_data": event}
            response = httpx.post(f"{site.url}/gradio_api/run/predict", json=body)
            assert "Traceback" not in response.text and "File " not in response.text
    assert httpx.get(site.url).status_code == 200


def test_unknown_functions_get_a_sentence(site):
    for path, body in [
        ("run/nothing", {"data": []}),
        ("run/predict", {"data": [], "fn_index": 999}),
        ("queue/join", {"data": [], "fn_index": 999, "session_hash": "a"}),
        ("call/nothing", {"data": []}),
    ]:
        response = httpx.post(f"{site.url}/gradio_api/{path}", json=body)
        assert response.status_code in (404, 422), path
        assert response.json() == {"error": "This page has no such function."}, path


def test_assets_are_kept_by_browsers_and_packed(site):
    page = httpx.get(site.url, headers={"Accept-Encoding": "br"})
    assert page.headers["content-encoding"] == "br"
    name = httpx.get(site.url).text.split('src="./assets/')[1].split('"')[0]
    packed = httpx.get(f"{site.url}/assets/{name}", headers={"Accept-Encoding": "br"})
    plain = httpx.get(f"{site.url}/assets/{name}", headers={"Accept-Encoding": "identity"})
    assert "immutable" in packed.headers["cache-control"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.headers["content-type"].startswith("text/javascript")
    assert httpx.get(f"{site.url}/assets/none.js", headers={"Accept-Encoding": "br"}).status_code in (403, 404)


@pytest.mark.parametrize("takes", ["br", "gzip", "identity"])
def test_the_page_begins_with_a_figure_for_every_client(site, takes):
    page = httpx.get(site.url, headers={"Accept-Encoding": takes})
    assert page.status_code == 200
    body = page.text.index("<body")
    assert body < page.text.index('id="seqscope-early"') < page.text.index("<gradio-app")
    assert page.text.count('id="seqscope-early"') == 1
    assert int(page.headers["content-length"]) == page.num_bytes_downloaded


def test_no_prompt_is_ever_logged(site, client, capfd, caplog):
    canary = "".join(["can", "ary", "-in-a-coal-mine"])
    link = to_link(AttributionSpec(prompt=canary))
    with caplog.at_level(logging.DEBUG, logger="seqscope"):
        client.predict(prompt=canary, api_name="/attribution")
        for prompt in (f"break {canary}", canary + "\ud800", canary * 2000):
            with pytest.raises((ClientError, UnicodeEncodeError)):
                client.predict(prompt=prompt, api_name="/attribution")
        httpx.get(f"{site.url}/{link}")
        _call(site, "link", {"link": link})
        _call(site, "link", {"link": "?s=broken" + canary})
    out, err = capfd.readouterr()
    assert canary not in out + err
    # gradio_client, in this same process, may log what it sends; the server's own log is what counts.
    assert all(canary not in record.getMessage() for record in caplog.records if record.name == "seqscope")
    assert any(record.getMessage().startswith("bug ") for record in caplog.records if record.name == "seqscope")


def _call(site, event: str, data: dict) -> httpx.Response:
    """Trigger the event of that name as the page would."""
    functions = httpx.get(f"{site.url}/config").json()["dependencies"]
    number = next(f["id"] for f in functions if any(target[1] == event for target in f["targets"]))
    body = {"data": [], "fn_index": number, "session_hash": "test", "event_data": data}
    return httpx.post(f"{site.url}/gradio_api/run/predict", json=body)


def test_an_example_is_answered_at_once_and_by_name_only(site):
    known = _call(site, "pick", {"name": "count"}).json()["data"]
    assert any("Input × gradient" in json.dumps(part, ensure_ascii=False) for part in known)
    assert _call(site, "pick", {"name": "../../etc/passwd"}).status_code == 200
    assert site.answers.seen == [spec for spec in site.answers.seen if spec.prompt != "one two three"]


def test_mcp_offers_each_analysis_with_its_choices(site):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def talk():
        async with (
            streamablehttp_client(f"{site.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            called = await session.call_tool("attribution", {"prompt": "over the wire", "max_new_tokens": 1})
            refused = await session.call_tool("attribution", {"prompt": " "})
            return tools, called, refused

    tools, called, refused = wait_for(talk())
    assert [tool.name for tool in tools] == [name for tab in TABS.values() for name in tab.views]
    assert tools[0].inputSchema["properties"]["method"]["enum"][0] == "saliency"
    assert tools[0].inputSchema["properties"]["prompt"]["description"].startswith("Text given to the model")
    assert " wire" in called.content[0].text and "?s=" in called.content[0].text
    assert refused.isError and "prompt: it is empty." in refused.content[0].text


def test_a_page_on_this_computer_answers_to_local_names_and_an_open_one_to_all(monkeypatch):
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.delenv("GRADIO_SHARE", raising=False)
    assert hosts(Settings()) == LOCAL_HOSTS
    assert hosts(Settings(space_id="owner/name")) == frozenset()
    monkeypatch.setenv("GRADIO_SERVER_NAME", "192.168.1.5")
    assert hosts(Settings()) == LOCAL_HOSTS | {"192.168.1.5"}
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert hosts(Settings()) == frozenset()
    monkeypatch.delenv("GRADIO_SERVER_NAME")
    monkeypatch.setenv("GRADIO_SHARE", "True")
    assert hosts(Settings()) == frozenset()


class Clock:
    """Stands for `time`: the test sets it, and who sleeps says for how long and goes on when told."""

    def __init__(self):
        self.now, self.slept, self.woken = 0.0, queue.Queue(), queue.Queue()

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.put(seconds)
        self.woken.get(timeout=60)


def test_the_lane_warms_up_once_after_a_view_and_only_when_all_is_quiet(monkeypatch):
    clock, started = Clock(), queue.Queue()
    monkeypatch.setattr(warm, "time", clock)

    async def nothing(scope, receive, send):
        pass

    middleware = warm.WarmUp(nothing, start=lambda: started.put(clock.now))

    def visit(path):
        wait_for(middleware({"type": "http", "path": path}, None, None))

    def check_nobody_waits():
        with pytest.raises(queue.Empty):
            clock.slept.get(timeout=0.2)

    visit("/gradio_api/info")
    check_nobody_waits()  # nobody has looked yet
    visit("/")
    assert clock.slept.get(timeout=60) == warm.QUIET
    clock.now = 1.5
    visit("/assets/x.js")
    clock.now = warm.QUIET
    clock.woken.put(True)
    assert clock.slept.get(timeout=60) == 1.5  # somebody came meanwhile
    assert started.empty()
    clock.now = 1.5 + warm.QUIET
    clock.woken.put(True)
    assert started.get(timeout=60) == clock.now
    visit("/")
    check_nobody_waits()
    assert started.empty()


def test_leaving_during_an_api_call_does_not_stop_others(site):
    """Two callers of one question: the first gives up, the second still gets the answer."""
    site.answers.door.clear()
    spec = AttributionSpec(prompt="slow for two")
    first, second = site.runner.submit(spec), site.runner.submit(spec)
    first.cancel()
    threading.Timer(0.3, site.answers.door.set).start()
    assert second.result(timeout=60).tokens == answer(spec).tokens


def test_answers_stand_for_the_worker_faithfully():
    """What the other tests lean on: the stand-in gives results that survive the store's JSON."""
    from spaces_app.results import Result

    result = Answers().answer(AttributionSpec(prompt="a b", max_new_tokens=2), None)
    again = Result.from_dict(json.loads(json.dumps(result.to_dict())), AttributionSpec)
    assert again.tokens == result.tokens and again.spec == result.spec
