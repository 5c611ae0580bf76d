"""While the server starts, questions are told to try again, and none of them ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
from browser.pages import free_port
from support import wait_for

from spaces_app.ui.server.starting import Starting

ROOT = Path(__file__).parents[2]


def asked(app, method: str, path: str, accept: str = "text/html") -> httpx.Response:
    async def talk():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers={"Accept": accept})

    return wait_for(talk())


def served() -> Starting:
    async def page(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return Starting(page)


def test_before_gradio_has_seen_the_page_everybody_else_is_told_to_try_again():
    app = served()
    early = asked(app, "GET", "/?analysis=attribution&prompt=x")
    assert early.status_code == 503 and early.headers["retry-after"] == "1"
    assert 'http-equiv="refresh"' in early.text
    call = asked(app, "POST", "/gradio_api/call/v2/attribution", accept="application/json")
    assert call.status_code == 503 and "starting" in call.json()["error"]
    assert asked(app, "GET", "/gradio_api/startup-events").status_code == 200
    assert asked(app, "GET", "/").status_code == 503
    assert asked(app, "HEAD", "/").status_code == 200
    assert asked(app, "GET", "/").status_code == 200
    assert asked(app, "POST", "/gradio_api/call/v2/attribution").status_code == 200


def test_questions_that_come_while_it_starts_do_not_end_it(tmp_path):
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "SEQSCOPE_STORE": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            seen = _hammer(f"http://127.0.0.1:{port}", server)
            assert server.poll() is None, server.stderr.read()
            assert seen[-1] == 200 and set(seen) <= {503, 200}, seen
            assert 503 in seen
        finally:
            server.terminate()


def _hammer(url: str, server: subprocess.Popen) -> list[int]:
    """The answers to questions asked without a pause until one is taken, for two minutes at most."""
    seen: list[int] = []
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None and seen[-1:] != [200]:
        try:
            answer = httpx.post(f"{url}/gradio_api/call/v2/attribution", json={"prompt": "The keys to the"}, timeout=30)
        except httpx.HTTPError:
            continue  # the port is closed as yet
        seen.append(answer.status_code)
    return seen
