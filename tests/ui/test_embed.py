"""Figure mode: one stored figure in one light answer under a strict policy; nothing is ever computed for it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace

import httpx
import made_results
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from support import wait_for

from spaces_app.export.formats import FORMATS
from spaces_app.figures import FIGURES
from spaces_app.serving.gallery import examples
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.ui.server.embed import FORGOTTEN, NOT_STORED, Embeds
from spaces_app.ui.server.guard import LOCAL_HOSTS, Guard

FORTY = made_results.large(30, 10)
SECRET = made_results.hostile()


class Server:
    """The routes behind the guard, asked in this process."""

    def __init__(self, runner: Runner, settings: Settings):
        routes = Embeds(runner, settings).routes()
        self.app = Starlette(routes=routes, middleware=[Middleware(Guard, hosts=LOCAL_HOSTS)])

    def get(self, path: str, **headers) -> httpx.Response:
        async def talk():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
                return await client.get(path, headers=headers)

        return wait_for(talk())


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """A runner that holds three results and must not compute."""
    runner = Runner(Settings(store=str(tmp_path_factory.mktemp("store"))))
    runner.submit = lambda spec: pytest.fail("an embedded figure must not compute")
    for result in (FORTY, SECRET, made_results.keys()):
        runner.store.put(result.spec.digest(), result.to_dict())
    yield runner
    runner.stop()


@pytest.fixture(scope="module")
def server(runner):
    return Server(runner, Settings())


def between(text: str, start: str, end: str) -> str:
    return text.split(start)[1].split(end)[0]


def value_of(page: str) -> dict:
    return json.loads(between(page, '<script type="application/json" id="value">', "</script>"))


def test_a_stored_figure_comes_by_link_and_by_digest(server):
    from spaces_app.figures.token_heatmap import token_heatmap

    by_link = server.get("/embed" + FORTY.spec.to_link(view="sel:1-2"))
    by_digest = server.get(f"/embed/{FORTY.spec.digest()}?view=sel:1-2")
    by_id = server.get(f"/embed?id={FORTY.spec.digest()}&view=sel:1-2")
    assert by_link.status_code == by_digest.status_code == by_id.status_code == 200
    expected = token_heatmap(FORTY, state="sel:1-2", origin="stored")
    assert (
        value_of(by_link.text) == value_of(by_digest.text) == value_of(by_id.text) == json.loads(json.dumps(expected))
    )


def test_a_recorded_example_needs_no_store(server):
    example = examples("attribution")[0].result
    answer = server.get("/embed" + example.spec.to_link())
    assert answer.status_code == 200 and value_of(answer.text)["origin"] == "recorded"


def test_the_policy_allows_this_script_and_this_style_only_and_every_frame(server):
    page = server.get("/embed" + SECRET.spec.to_link())
    assert page.headers.get_list("content-security-policy") == [page.headers["content-security-policy"]]
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))

    def sha256(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert policy == {
        "default-src": "'none'",
        "script-src": sha256(between(page.text, "<script>", "</script>")),
        "style-src": sha256(between(page.text, "<style>", "</style>")),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "*",
    }
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"https?://(?!www\.w3\.org)|@import|url\(", page.text)


def test_forty_tokens_travel_in_one_answer_under_60_kb(server):
    for coding in ("br", "gzip"):
        page = server.get("/embed" + FORTY.spec.to_link(), **{"accept-encoding": coding})
        assert page.headers["content-encoding"] == coding
        assert int(page.headers["content-length"]) < 60_000 and page.headers["vary"] == "Accept-Encoding"
    assert server.get("/embed" + FORTY.spec.to_link(), **{"accept-encoding": "identity"}).text == page.text


def test_what_is_not_stored_is_one_sentence_with_the_way_to_compute_it(server):
    asked = FORTY.spec.replace(prompt="never asked")
    page = server.get("/embed" + asked.to_link(view="sel:1-1"))
    assert page.status_code == 404 and NOT_STORED in page.text and page.headers["cache-control"] == "no-store"
    link = asked.to_link(view="sel:1-1").replace("&", "&amp;")
    assert f'<a href="./{link}" target="_blank" rel="noopener">Open in Seqscope</a>' in page.text
    assert FORGOTTEN in server.get("/embed/" + "0" * 64).text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/embed", 400), ("/embed?s=broken", 400), ("/embed?s=", 400), ("/embed?id=../../etc/passwd", 400),
        ("/embed/..%2f..%2fetc%2fpasswd", 403), ("/embed/" + "g" * 64, 403), ("/figure/" + "0" * 64 + ".exe", 403),
        ("/figure/" + "0" * 64 + ".svg", 404), ("/r/" + "0" * 64 + ".json", 404), ("/r/x.json", 403),
    ],
)  # fmt: skip
def test_a_wrong_address_is_refused(server, address, status):
    answer = server.get(address)
    assert answer.status_code == status and "Traceback" not in answer.text and len(answer.text) < 6000


def test_a_hostile_link_cannot_write_into_the_page(server):
    page = server.get(
        '/embed?s="><script>alert(1)</script>&theme="><script>alert(2)</script>&view="><script>alert(3)</script>'
    )
    assert "alert" not in page.text and page.text.count("<script>") == 1


@pytest.mark.parametrize(
    ("asked", "look"), [("dark", ' class="dark"'), ("light", ' class="light"'), ("auto", ""), ("x", "")]
)
def test_the_theme_is_a_class_of_the_page(server, asked, look):
    page = server.get("/embed" + FORTY.spec.to_link() + f"&theme={asked}").text
    assert f'<html lang="en"{look}>' in page


def test_on_the_hub_the_way_into_the_app_is_its_page_there(runner):
    server = Server(runner, Settings(space_id="owner/name"))
    page = server.get(f"/embed/{FORTY.spec.digest()}").text
    assert f'href="https://huggingface.co/spaces/owner/name{FORTY.spec.to_link()}"' in page


def test_pictures_are_what_the_export_writes(server):
    digest = made_results.keys().spec.digest()
    vector = server.get(f"/figure/{digest}.svg?view=view:matrix")
    assert vector.headers["content-type"] == "image/svg+xml"
    assert vector.text == FORMATS["svg"].write(made_results.keys(), view="view:matrix")
    assert "default-src 'none'" in vector.headers["content-security-policy"]
    pixels = server.get(f"/figure/{digest}.png")
    assert pixels.headers["content-type"] == "image/png" and "content-encoding" not in pixels.headers
    assert Image.open(io.BytesIO(pixels.content)).size[0] == 1280


def test_data_is_the_whole_result_for_any_page(server):
    answer = server.get(f"/r/{FORTY.spec.digest()}.json", origin="https://paper.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json() == json.loads(json.dumps(FORTY.to_dict() | {"link": FORTY.spec.to_link()}))


def test_a_stored_result_of_a_kind_without_a_figure_says_so(runner, server, monkeypatch):
    monkeypatch.delitem(FIGURES, "attribution")
    page = server.get("/embed" + FORTY.spec.to_link())
    assert page.status_code == 404 and "attribution has no figure." in page.text


def test_a_damaged_entry_counts_as_not_stored(runner, server):
    result = replace(FORTY, spec=FORTY.spec.replace(prompt="damaged"))
    runner.store.put(result.spec.digest(), result.to_dict())
    path = runner.store._path(result.spec.digest())
    path.write_bytes(path.read_bytes()[:-3])
    assert server.get("/embed" + result.spec.to_link()).status_code == 404
