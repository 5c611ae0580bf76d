"""Answers while the server starts: a page that retries, until Gradio's own look at it has been answered.

Gradio opens the port, then asks the page for its head, and gives the launch up when that takes three seconds: so does a
question that comes in between and makes torch load.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


RETRY = 1  # seconds
SENTENCE = "Seqscope is starting. This page tries again in a moment."
_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Seqscope is starting</title>'
    f'<meta http-equiv="refresh" content="{RETRY}"></head><body><p>{SENTENCE}</p></body></html>\n'
)
_STARTUP = "/gradio_api/startup-events"  # which Gradio asks itself for, to begin its queue


class Starting:
    """ASGI middleware that lets nothing but Gradio's own two requests through before the launch is over.

    Those are startup-events and then HEAD of the page. Everything else is told 503 with Retry-After meanwhile.
    """

    def __init__(self, app: ASGIApp):
        self.app, self._started = app, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._started or scope["type"] != "http" or scope["path"] == _STARTUP:
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD" and scope["path"] == "/":
            await self.app(scope, receive, send)
            self._started = True
        else:
            await _retry_later(scope, send)


async def _retry_later(scope: Scope, send: Send) -> None:
    accepted = dict(scope["headers"]).get(b"accept", b"")
    page = scope["method"] == "GET" and b"text/html" in accepted
    body = _PAGE.encode() if page else json.dumps({"error": SENTENCE}).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8" if page else b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
