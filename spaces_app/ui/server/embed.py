"""Figures without the page: /embed for frames, /figure for pictures, /r for data. Only what is stored; runs nothing."""

from __future__ import annotations

import functools
import gzip
import json
import threading
from dataclasses import dataclass
from urllib.parse import urlencode

import brotli
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spaces_app.analyses import KINDS
from spaces_app.errors import AppError
from spaces_app.export.formats import FORMATS, document, heading
from spaces_app.export.html import THEMES, embedded, message
from spaces_app.figures import figure_value
from spaces_app.link import made_digest, parse_query, to_link, valid_view
from spaces_app.results import Result
from spaces_app.serving import gallery
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.spec import Spec

NOT_STORED = "This figure is not stored here. It is computed when you open it."
FORGOTTEN = "This figure is no longer kept here."
PICTURES = ("svg", "png")
# Stored results never change, but the script that draws them may with the next release.
_FRESH = "public, max-age=300"
_OPEN = {"Access-Control-Allow-Origin": "*"}  # what an address with a digest in it shows, it may show to any page
_PICTURE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
_PAINTERS = threading.BoundedSemaphore(2)  # a PNG takes 0.1 to 0.6 s of processor time


@dataclass(frozen=True)
class Embeds:
    """The routes of figure mode. Every answer comes from the store or the recorded examples, or says that it cannot."""

    runner: Runner
    settings: Settings

    def routes(self) -> list[Route]:
        """For `app_kwargs`. The handlers are plain functions: they run in threads, since they read the disk."""
        return [
            Route("/embed", self.by_link),
            Route("/embed/{digest}", self.by_digest),
            Route("/figure/{digest}.{kind}", self.picture),
            Route("/r/{digest}.json", self.data),
            Route("/file/{digest}.{name}", self.file),
        ]

    def by_link(self, request: Request) -> Response:
        """`/embed?s=…` or `?id=…`, with `view`, `theme` and, for early.html, `early`."""
        try:
            spec, digest, view = parse_query(request.url.query, KINDS)
        except AppError as error:
            return _page(request, *message(str(error), href=self._home("./"), theme=_theme(request)), status=400)
        if spec is None and not digest:
            sentence = "This address names no figure: it needs ?s=… or ?id=…."
            return _page(request, *message(sentence, href=self._home("./"), theme=_theme(request)), status=400)
        if spec is not None:
            digest = spec.digest()
            if self._known(digest) is None:
                digest = made_digest(request.url.query) or digest
        return self._figure(request, digest, spec, view, self._home("./"))

    def by_digest(self, request: Request) -> Response:
        """`/embed/<id>`, with `view` and `theme`."""
        view = request.query_params.get("view", "")
        view = view if valid_view(view) else ""
        return self._figure(request, request.path_params["digest"], None, view, self._home("../"))

    def picture(self, request: Request) -> Response:
        """`/figure/<id>.svg` or `.png`: the still picture, for `<picture>` and for print."""
        digest, kind = request.path_params["digest"], request.path_params["kind"]
        result = self._known(digest)
        if result is None or kind not in PICTURES:
            return Response(FORGOTTEN, 404, media_type="text/plain")
        view = request.query_params.get("view", "")
        if not _PAINTERS.acquire(timeout=5):
            return Response("Too many pictures at once.", 503, {"Retry-After": "5"}, media_type="text/plain")
        try:
            body = _painted(self.runner, digest, kind, view if valid_view(view) else "")
        except AppError as error:
            return Response(str(error), 400, media_type="text/plain")
        finally:
            _PAINTERS.release()
        headers = {"Cache-Control": _FRESH} | _OPEN | _PICTURE_POLICY
        return _packed(request, body, FORMATS[kind].mime, headers)

    def file(self, request: Request) -> Response:
        """`/file/<id>.<format>`: the result in any of FORMATS, to be saved."""
        digest, name = request.path_params["digest"], request.path_params["name"]
        result, form = self._known(digest), FORMATS.get(name)
        if result is None or form is None:
            return Response(FORGOTTEN, 404, media_type="text/plain")
        view = request.query_params.get("view", "")
        if not _PAINTERS.acquire(timeout=5):
            return Response("Too many files at once.", 503, {"Retry-After": "5"}, media_type="text/plain")
        try:
            body = form.data(result, view=view if valid_view(view) else "")
        except AppError as error:
            return Response(str(error), 400, media_type="text/plain")
        finally:
            _PAINTERS.release()
        saved = {"Content-Disposition": f'attachment; filename="seqscope-{digest[:8]}{form.suffix}"'}
        return Response(body, 200, saved | {"Cache-Control": "no-store"} | _PICTURE_POLICY, media_type=form.mime)

    def data(self, request: Request) -> Response:
        """`/r/<id>.json`: the whole result, as the API gives it."""
        result = self._known(request.path_params["digest"])
        if result is None:
            return Response(json.dumps({"error": FORGOTTEN}), 404, _OPEN, media_type="application/json")
        text = json.dumps(document(result), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return _packed(request, text.encode("utf-8"), "application/json", {"Cache-Control": _FRESH} | _OPEN)

    def _figure(self, request: Request, digest: str, spec: Spec | None, view: str, home: str) -> Response:
        theme, result = _theme(request), self._known(digest)
        if result is None:
            href = home + (_query(spec, view) if spec else "")
            sentence = NOT_STORED if spec else FORGOTTEN
            return _page(request, *message(sentence, href=href, theme=theme), status=404)
        try:
            origin = "recorded" if digest in gallery.recorded() else "stored"
            value = figure_value(result, view=view, origin=origin)
        except AppError as error:
            return _page(request, *message(str(error), href=home, theme=theme), status=404)
        href = home + _query(result.spec, view)
        return _page(request, *embedded(value, href=href, title=heading(result), theme=theme))

    def _known(self, digest: str) -> Result | None:
        try:
            return self.runner.known(digest)
        except ValueError:  # not a digest
            return None

    def _home(self, relative: str) -> str:
        """Where the app is: on the Hub at its own address, else beside this page."""
        return f"https://huggingface.co/spaces/{self.settings.space_id}" if self.settings.space_id else relative


@functools.lru_cache(maxsize=32)
def _painted(runner: Runner, digest: str, kind: str, view: str) -> bytes:
    result = runner.known(digest)
    assert result is not None  # it was looked up a moment ago
    return FORMATS[kind].data(result, view=view)


def _query(spec: Spec, view: str) -> str:
    try:
        return to_link(spec, view=view)
    except AppError:
        return "?" + urlencode({"id": spec.digest()} | ({"view": view} if view else {}))


def _theme(request: Request) -> str:
    asked = request.query_params.get("theme", "auto")
    return asked if asked in THEMES else "auto"


def _page(request: Request, page: str, policy: str, *, status: int = 200) -> Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": _FRESH if status == 200 else "no-store"}
    if "early" in request.query_params:  # a frame that may be empty, and browsers would report its failure
        status = 200
    return _packed(request, page.encode("utf-8"), "text/html", headers, status=status)


def _packed(request: Request, body: bytes, mime: str, headers: dict, *, status: int = 200) -> Response:
    """The answer, compressed as the client can take it: a figure's page is 90 KB as it is, and 25 KB packed."""
    takes = request.headers.get("accept-encoding", "")
    if mime != "image/png":
        headers = headers | {"Vary": "Accept-Encoding"}
        if "br" in takes:
            body, headers = brotli.compress(body, quality=5), headers | {"Content-Encoding": "br"}
        elif "gzip" in takes:
            body, headers = gzip.compress(body, compresslevel=6), headers | {"Content-Encoding": "gzip"}
    return Response(body, status, headers, media_type=mime)
