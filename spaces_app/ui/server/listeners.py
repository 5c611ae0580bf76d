"""Who still listens for the answer of an API call, so that work nobody waits for is stopped."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


FIRST = 5.0  # seconds in which a stream may be opened after the call that it belongs to
AGAIN = 1.0  # and after it was closed
MOST = 4096  # calls remembered
MOST_BODY = 4096  # bytes of an answer that may hold the name of a call

_CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/?\Z")
_STREAM = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([0-9a-f]{32})\Z")
_DATA = "/gradio_api/queue/data"


class Listeners:
    """Streams of events that are open, by session (a call without one is its own session).

    A call whose stream was never opened is given up after FIRST seconds, one whose stream was closed after AGAIN.
    Safe to use from many threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._open: dict[str, int] = {}
        self._until: OrderedDict[str, float] = OrderedDict()  # session → when it is given up, while nobody listens
        self._sessions: OrderedDict[str, str] = OrderedDict()  # call → the session that its caller named

    def called(self, call: str, session: str = "") -> None:
        """A call was made whose stream may be opened soon, by a caller who may have named a session."""
        with self._lock:
            if session:
                self._sessions[call] = session
                _bounded(self._sessions)
            self._expect(session or call, FIRST)

    def session_of(self, call: str) -> str:
        """The session of a call: the one its caller named, else the call itself."""
        with self._lock:
            return self._sessions.get(call, call)

    def answering(self, session: str) -> None:
        """The answer to a call of this session is begun."""
        with self._lock:
            if session not in self._until or self._until[session] < self._clock():
                self._expect(session, FIRST)

    def opened(self, session: str) -> None:
        with self._lock:
            self._open[session] = self._open.get(session, 0) + 1
            self._until.pop(session, None)

    def closed(self, session: str) -> None:
        with self._lock:
            self._open[session] -= 1
            if not self._open[session]:
                del self._open[session]
                self._expect(session, AGAIN)

    def anybody(self, session: str) -> bool:
        """Whether somebody listens, or may be about to."""
        with self._lock:
            return session in self._open or self._clock() < self._until.get(session, float("inf"))

    def _expect(self, session: str, seconds: float) -> None:
        self._until[session] = self._clock() + seconds
        self._until.move_to_end(session)
        _bounded(self._until)


def _bounded(kept: OrderedDict) -> None:
    while len(kept) > MOST:
        kept.popitem(last=False)


class Listening:
    """ASGI middleware that tells `listeners` of calls made and of streams opened and closed."""

    def __init__(self, app: ASGIApp, listeners: Listeners):
        self.app, self._listeners = app, listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = _stream(scope) if scope["type"] == "http" else ""
        if stream:
            session = self._listeners.session_of(stream)
            self._listeners.opened(session)
            try:
                await self.app(scope, receive, send)
            finally:
                self._listeners.closed(session)
        elif scope["type"] == "http" and scope["method"] == "POST" and _CALL.match(scope["path"]):
            call = _Call(receive, send, self._listeners.called)
            await self.app(scope, call.receive, call.send)
        else:
            await self.app(scope, receive, send)


class _Call:
    """`receive` and `send` that read the session from a call and the call's name from the answer."""

    def __init__(self, receive: Receive, send: Send, called: Callable[[str, str], None]):
        self._receive, self._send, self._called = receive, send, called
        self._asked, self._answered = b"", b""

    async def receive(self) -> Message:
        message = await self._receive()
        self._asked += message.get("body", b"")  # the guard before this bounds it
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and len(self._answered) <= MOST_BODY:
            self._answered += message.get("body", b"")
            if not message.get("more_body") and (name := _text_in(self._answered, "event_id")):
                self._called(name, _text_in(self._asked, "session_hash")[:200])
        await self._send(message)


def _text_in(body: bytes, key: str) -> str:
    """A text of a JSON object, "" where there is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    text = found.get(key) if isinstance(found, dict) else None
    return text if isinstance(text, str) else ""


def _stream(scope: Scope) -> str:
    """The session, or the call, whose events a request waits for; "" for other requests."""
    if scope["method"] != "GET":
        return ""
    stream = _STREAM.match(scope["path"])
    if stream:
        return stream[1]
    if scope["path"].rstrip("/") == _DATA:
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0][:200]
    return ""
