"""A question that comes while the server starts: 503 and another try; the launch ends well."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
from browser.pages import free_port
from support import wait_for

from spaces_app.ui.server.starting import LAST_STEP, SENTENCE, Starting

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds; a hang ends the test, nothing is measured by it
# The page as `python app.py` serves it, on a machine so busy that the last step of the launch takes two seconds, and
# where importing torch holds the interpreter as long as on a cold disk.
SERVER = """
import asyncio, ctypes, sys
from spaces_app.serving.worker import Worker
from spaces_app.ui.app import build

def warm(worker):
    print("warms", flush=True)
    for _ in range(30):
        ctypes.PyDLL(None).usleep(400_000)  # PyDLL keeps the lock that CDLL would let go

Worker.warm = warm
demo, arguments = build()

async def slow():
    await asyncio.sleep(2)

demo.extra_startup_events.append(slow)
demo.launch(**arguments, prevent_thread_lock=True)
print("launched", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def starting(tmp_path):
    """(address, process) of a server that is just being started in a process of its own."""
    port = free_port()
    environment = os.environ | {
        "GRADIO_SERVER_PORT": str(port), "GRADIO_NUM_PORTS": "1", "GRADIO_ANALYTICS_ENABLED": "False",
        "SEQSCOPE_STORE": str(tmp_path),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait(PATIENCE)


class Visitor(threading.Thread):
    """Sends one request again and again until it is not refused as too early; keeps what was answered."""

    def __init__(self, process, method: str, url: str, **options):
        super().__init__(daemon=True)
        self.process, self.asked, self.answers = process, (method, url, options), []

    def run(self):
        method, url, options = self.asked
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.request(method, url, timeout=PATIENCE, **options)
                self.answers.append(answer)
                if answer.status_code != 503:
                    return
            time.sleep(0.02)


def test_questions_from_before_the_launch_are_put_off_and_the_server_lives(tmp_path):
    with starting(tmp_path) as (url, process):
        browser = {"Accept": "text/html"}
        question = {"prompt": "The keys", "max_new_tokens": 1}
        visitors = [
            Visitor(process, "GET", url, headers=browser),
            Visitor(process, "HEAD", url),
            Visitor(process, "POST", f"{url}/gradio_api/call/v2/attribution", json=question),
            Visitor(process, "GET", f"{url}/gradio_api/info"),
        ]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join(PATIENCE)
        assert process.poll() is None, process.communicate()[1]
        for visitor in visitors:
            early, last = visitor.answers[:-1], visitor.answers[-1]
            assert last.status_code == 200, (visitor.asked, last.text)
            assert early and all(answer.headers["retry-after"] == "1" for answer in early), visitor.asked
        assert httpx.get(url, timeout=PATIENCE).status_code == 200
        said, _ = process.communicate(timeout=PATIENCE)  # closes its input, on which it ends
        assert process.returncode == 0
        assert "launched" in said and "warms" in said  # the question was taken on in the end


def ask(app, path: str, **headers):
    async def talk():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return wait_for(talk())


def test_until_the_last_step_has_been_taken_everybody_is_told_to_come_again():
    reached = []

    async def page(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": statuses.pop(0), "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app, statuses = Starting(page), [500, 200, 200]
    seen, asked = ask(app, "/", accept="text/html"), ask(app, "/gradio_api/info")
    assert (seen.status_code, asked.status_code) == (503, 503)
    assert SENTENCE in seen.text and "location.reload()" in seen.text
    assert asked.json() == {"error": SENTENCE}
    ask(app, LAST_STEP)  # it failed
    assert ask(app, "/").status_code == 503
    ask(app, LAST_STEP)
    assert ask(app, "/").status_code == 200
    assert reached == [LAST_STEP, LAST_STEP, "/"]
