"""The page while it starts: a sentence and another try, instead of work that would keep the launch from ending."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RETRY = 1  # seconds after which a client asks again
SENTENCE = "Seqscope is starting. Try again in a moment; this page does so by itself."
LAST_STEP = "/gradio_api/startup-events"  # what Gradio's launch() asks of its own server when all else is ready

# Loads itself again rather than by <meta>, which would drop the fragment that private links stand in.
PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Seqscope</title>
<body style="font: 16px/1.5 system-ui, sans-serif; margin: 3em auto; max-width: 34em; padding: 0 1em">
<h1 style="font-size: 1.4em">Seqscope</h1><p role="status">{SENTENCE}</p>
<noscript><meta http-equiv="refresh" content="{RETRY}"></noscript>
<script>setTimeout(() => location.reload(), {RETRY * 1000})</script></body></html>
"""


class Starting:
    """ASGI middleware that answers 503 with Retry-After until `launch()` has asked for its last step.

    Between the moment the port opens and that step, a question would import torch, which holds the interpreter for
    seconds, in the very process that is still being set up.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.launched = app, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.launched or scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == LAST_STEP:
            await self.app(scope, receive, self._watch(send))
        else:
            await _later(scope, send)

    def _watch(self, send: Send) -> Send:
        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                self.launched = True
            await send(message)

        return watching


async def _later(scope: Scope, send: Send) -> None:
    shown = dict(scope["headers"]).get(b"accept", b"")
    kind, body = (b"text/html; charset=utf-8", PAGE) if b"text/html" in shown else (b"application/json", _SENTENCE)
    content = body.encode("utf-8")
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode("ascii")),
        (b"retry-after", str(RETRY).encode("ascii")),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


_SENTENCE = json.dumps({"error": SENTENCE})
