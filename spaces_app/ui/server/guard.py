"""The door of the page: what no request may do, and what every answer says. Plain ASGI."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from spaces_app.errors import to_app_error

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


MAX_BODY = 256 * 1024  # bytes; the largest honest request, a form with two full texts, is under 200 KB
MAX_ADDRESS = 24 * 1024  # characters of path and query; a link has at most 4,096 and Gradio repeats it
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})

# The routes the page, its API and MCP need. All others are refused, among them Gradio's upload, proxy, deep link,
# recording and file routes, which take files, fetch addresses, or keep what visitors type.
ALLOWED = re.compile(
    r"/(embed(/[0-9a-f]{64})?|figure/[0-9a-f]{64}\.(svg|png)|r/[0-9a-f]{64}\.json|file/[0-9a-f]{64}\.[a-z]{2,8}|"
    r"config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json|gradio\.js|assets/[^/]+|static/.+|"
    r"gradio_api/(info/?|openapi\.json|startup-events|user|heartbeat/[^/]+|reset/?|cancel|"
    r"queue/(join|data|status)|(run|call)/.+|mcp(/.*)?))?\Z"
)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # the prompt is in the address
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
# Gradio builds functions from strings and writes inline scripts and styles, so these two stay allowed; nothing may
# come from, or be sent to, another host.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
)


class Guard:
    """ASGI middleware around the page.

    Refuses bodies over `max_body` bytes (413, also when sent in chunks), addresses over MAX_ADDRESS characters
    (414) and routes the page does not need (403). With `hosts`, a request must name one of them (400): otherwise any
    web page could reach a page on this machine through a name that resolves here (DNS rebinding). `frames` says who may
    show a page in a frame; answers with a policy of their own keep it. A failure behind it becomes one sentence.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset(), max_body: int = MAX_BODY, frames: str = "*"):
        self.app, self.hosts, self.max_body, self.frames = app, hosts, max_body, frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None:
            await _refuse(send, *refused)
            return
        answer = _Answer(send, self.frames)
        try:
            await self.app(scope, _Body(receive, self.max_body), answer)
        except Exception as error:
            if answer.started:
                raise
            await _refuse(send, *self._failure(error))

    def _failure(self, error: Exception) -> tuple[int, str]:
        if isinstance(error, _TooLong):
            return 413, f"The request is larger than {self.max_body:,} bytes."
        if isinstance(error, KeyError) or type(error).__name__ == "FnIndexInferError":
            return 404, "This page has no such function."  # Gradio looks functions up without checking
        return 500, str(to_app_error(error))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return 400, "The content length is not a number."
        if int(length[:20]) > self.max_body:
            return 413, f"The request is larger than {self.max_body:,} bytes."
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS:
            return 414, f"The address is longer than {MAX_ADDRESS:,} characters."
        if self.hosts and _host(headers.get(b"host", b"")) not in self.hosts:
            return 400, "This host is not served here."
        if not ALLOWED.match(scope["path"]):
            return 403, "This page does not serve that address."
        return None


class _TooLong(Exception):
    """A body without a declared length has grown past the bound."""


class _Body:
    """`receive` that counts the body."""

    def __init__(self, receive: Receive, limit: int):
        self._receive, self._left = receive, limit

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _TooLong
        return message


class _Answer:
    """`send` that adds the headers every answer carries."""

    def __init__(self, send: Send, frames: str):
        self._send, self._frames, self.started = send, frames, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = list(message["headers"])
            kinds = [value for name, value in headers if name.lower() == b"content-type"]
            headers += HEADERS
            has_policy = any(name.lower() == b"content-security-policy" for name, _ in headers)  # a stricter one
            if any(kind.startswith(b"text/html") for kind in kinds) and not has_policy:
                headers.append((b"content-security-policy", (POLICY + self._frames).encode("latin-1", "replace")))
                if self._frames == "'self'":
                    headers.append((b"x-frame-options", b"SAMEORIGIN"))
            message = {**message, "headers": headers}
        await self._send(message)


def _host(header: bytes) -> str:
    """The name in a Host header, without the port."""
    name = header.decode("latin-1").lower()
    return name[: name.index("]") + 1] if name.startswith("[") and "]" in name else name.split(":")[0]


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode("utf-8")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
