"""The door: what no request may do, and what every answer says."""

from __future__ import annotations

import logging

import httpx
import pytest
from support import wait_for

from spaces_app.settings import Settings
from spaces_app.ui import app
from spaces_app.ui.server.guard import ALLOWED, HEADERS, LOCAL_HOSTS, MAX_ADDRESS, Guard

PROMPT = "".join(["ca", "nary"])  # in pieces: a traceback quotes the line of code


async def echo(scope, receive, send):
    """Answers with the length of the body; fails where the path says so."""
    if scope["path"].endswith("/unknown"):
        raise KeyError(999)
    if scope["path"].endswith("/bug"):
        raise RuntimeError(f"the prompt was: {PROMPT}")
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    kind = b"text/html" if scope["path"] == "/" else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(method: str, path: str, *, host: str = "127.0.0.1:7860", guard: Guard | None = None, **options):
    async def talk():
        transport = httpx.ASGITransport(app=guard or Guard(echo, hosts=LOCAL_HOSTS))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **options)

    return wait_for(talk())


def test_an_honest_request_passes_and_the_answer_carries_the_headers():
    answer = ask("POST", "/gradio_api/queue/join", content=b"x" * 1000)
    assert (answer.status_code, answer.text) == (200, "1000")
    for name, value in HEADERS:
        assert answer.headers[name.decode()] == value.decode()


def test_the_page_may_load_and_reach_only_its_own_origin_and_be_embedded_by_all():
    policy = dict(part.strip().split(" ", 1) for part in ask("GET", "/").headers["content-security-policy"].split(";"))
    assert policy["frame-ancestors"] == "*"
    for name in ("default-src", "connect-src", "img-src", "script-src", "style-src", "font-src", "base-uri"):
        assert policy[name].startswith("'self'")
        assert "http" not in policy[name] and "*" not in policy[name]
    assert policy["object-src"] == "'none'"


def test_a_page_on_this_computer_is_framed_by_nobody_else_unless_its_owner_says_so():
    def asked(frames: str) -> httpx.Response:
        return ask("GET", "/", guard=Guard(echo, hosts=LOCAL_HOSTS, frames=frames))

    own = asked(app.frames(Settings()))
    assert own.headers["content-security-policy"].endswith("frame-ancestors 'self'")
    assert own.headers["x-frame-options"] == "SAMEORIGIN"
    named = asked(app.frames(Settings(frames="https://example.org")))
    assert named.headers["content-security-policy"].endswith("frame-ancestors https://example.org")
    assert "x-frame-options" not in named.headers  # it cannot name an address
    assert app.frames(Settings(space_id="owner/demo")) == "*"


def test_a_body_over_the_bound_is_refused_before_and_while_it_is_read():
    assert ask("POST", "/gradio_api/run/x", content=b"x" * (256 * 1024)).status_code == 200
    assert ask("POST", "/gradio_api/run/x", content=b"x" * (256 * 1024 + 1)).status_code == 413

    async def chunks():
        for _ in range(40):
            yield b"x" * 10_000

    chunked = ask("POST", "/gradio_api/run/x", content=chunks())
    assert "content-length" not in chunked.request.headers
    assert (chunked.status_code, chunked.json()["error"]) == (413, "The request is larger than 262,144 bytes.")


def test_a_content_length_that_is_no_number_is_refused():
    for length in ("-1", "1e9", "٣", "+5", "0x10"):
        answer = ask("POST", "/gradio_api/run/x", headers={b"content-length": length.encode()}, content=b"")
        assert answer.status_code == 400, length
    assert ask("POST", "/gradio_api/run/x", headers={"content-length": "9" * 400}, content=b"").status_code == 413


def test_an_overlong_address_is_refused():
    assert ask("GET", "/?s=" + "A" * 4096).status_code == 200
    assert ask("GET", "/?s=" + "A" * MAX_ADDRESS).status_code == 414


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:7860", "127.0.0.1:1"])
def test_a_local_page_answers_to_local_names(host):
    assert ask("GET", "/", host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:1"])
def test_a_local_page_does_not_answer_to_names_that_resolve_here(host):
    assert ask("GET", "/", host=host).status_code == 400
    assert ask("GET", "/", host=host, guard=Guard(echo)).status_code == 200  # behind a proxy every name is right


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload", "/gradio_api/upload_progress", "/upload", "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/process_recording", "/gradio_api/deep_link", "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=http://169.254.169.254/", "/gradio_api/stream/x", "/gradio_api/vibe-code/",
        "/gradio_api/run-history/connect", "/gradio_api/runs", "/gradio_api/component_server", "/monitoring",
        "/monitoring/summary", "/gradio_api/custom_component/a/client/b/c", "/svelte/x", "/docs", "/openapi.json",
        "/gradio_api/dev/reload", "/login", "/gradio_api/token", "/config/x", "/assets/a/b",
    ],
)  # fmt: skip
def test_routes_the_page_does_not_need_are_refused(path):
    assert ask("POST", path).status_code == 403
    assert ask("GET", path).status_code == 403


def test_the_routes_of_page_api_and_mcp_are_allowed():
    for path in ("/", "/config", "/theme.css", "/assets/index-D.js", "/gradio_api/info", "/gradio_api/queue/data"):
        assert ALLOWED.match(path), path
    for path in ("/gradio_api/call/attribution/abc", "/gradio_api/mcp/", "/gradio_api/mcp", "/gradio_api/heartbeat/x"):
        assert ALLOWED.match(path), path


def test_a_failure_behind_the_door_is_one_sentence_and_logs_no_message(caplog):
    unknown = ask("POST", "/gradio_api/run/unknown")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "This page has no such function."})
    with caplog.at_level(logging.DEBUG):
        bug = ask("POST", "/gradio_api/run/bug")
    assert bug.status_code == 500
    assert bug.json()["error"].startswith("something went wrong here (report ")
    assert "canary" not in bug.text and "Traceback" not in bug.text
    assert "canary" not in caplog.text


def test_web_sockets_are_closed():
    sent = []

    async def send(message):
        sent.append(message)

    wait_for(Guard(echo)({"type": "websocket", "path": "/", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
