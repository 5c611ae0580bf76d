"""A Hugging Face Hub on loopback, just large enough for model_info and hf_hub_download, that writes down every request.

It can be down, slow, gated, wrong about sizes, and it can damage what it sends.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Repo:
    """One model: file contents by revision.

    `declared` overrides the sizes told before a download; `safetensors` is what is told of types and elements.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    main: str = ""
    gated: bool = False
    declared: dict[str, int] = field(default_factory=dict)
    damaged: bool = False
    safetensors: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    token: str


class FakeHub:
    """A context manager; `url` is its address, `log` its requests, `status` an answer for all of them if set."""

    def __init__(self):
        self.repos: dict[str, Repo] = {}
        self.log: list[Request] = []
        self.status = 0
        self.delay = 0.0  # seconds between two pieces of a weight file

    def __enter__(self) -> FakeHub:
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, model: str, files: Path | dict[str, bytes], **facts) -> str:
        """Publish a folder, or contents by name, as the present revision of `model`; returns its commit."""
        if isinstance(files, Path):
            files = {path.name: path.read_bytes() for path in files.iterdir()}
        commit = hashlib.sha1(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()
        repo = self.repos.setdefault(model, Repo())
        repo.files[commit], repo.main = files, commit
        for name, value in facts.items():
            setattr(repo, name, value)
        return commit

    def paths(self, method: str = "GET") -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in self.log if request.method == method]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_hub: FakeHub

    def log_message(self, *args):
        """Quiet: tests read `log`."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub = self.server_hub
        path, token = self.path.split("?")[0], self.headers.get("Authorization", "")
        hub.log.append(Request(self.command, path, token))
        if hub.status:
            return self._send(hub.status, b"{}", {}, body)
        if path.startswith("/api/models/"):
            return self._info(path.removeprefix("/api/models/"), body)
        model, found, rest = path[1:].partition("/resolve/")
        revision, _, name = rest.partition("/")
        return self._file(model, revision, name, token, body)

    def _info(self, rest: str, body: bool) -> None:
        model, _, revision = rest.partition("/revision/")
        repo = self.server_hub.repos.get(model)
        if repo is None:
            return self._fail(401, "RepoNotFound", body)
        commit = repo.main if revision in ("", "main") else revision
        if commit not in repo.files:
            return self._fail(404, "RevisionNotFound", body)
        siblings = []
        for name, content in repo.files[commit].items():
            size = repo.declared.get(name, len(content))
            item = {"rfilename": name, "size": size, "blobId": hashlib.sha1(content).hexdigest()}
            if name.endswith(".safetensors"):
                item["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 134}
            siblings.append(item)
        data = {"id": model, "sha": commit, "siblings": siblings, "tags": [], "private": False}
        if repo.safetensors:
            data["safetensors"] = {"parameters": repo.safetensors, "total": sum(repo.safetensors.values())}
        self._send(200, json.dumps(data | {"gated": "manual" if repo.gated else False}).encode(), {}, body)

    def _file(self, model: str, revision: str, name: str, token: str, body: bool) -> None:
        repo = self.server_hub.repos.get(model)
        if repo is None:
            return self._fail(401, "RepoNotFound", body)
        if repo.gated and not token:
            return self._fail(401, "GatedRepo", body)
        commit = repo.main if revision == "main" else revision
        if commit not in repo.files:
            return self._fail(404, "RevisionNotFound", body)
        content = repo.files[commit].get(name)
        if content is None:
            return self._fail(404, "EntryNotFound", body)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        if repo.damaged and name.endswith(".safetensors"):
            content = content[:-1] + bytes([content[-1] ^ 1])
        self._send(200, content, headers, body)

    def _fail(self, status: int, code: str, body: bool) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code}, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body:
            return
        step = max(1, len(content) // 8) if self.server_hub.delay else len(content) or 1
        try:
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                if ".safetensors" in self.path:
                    time.sleep(self.server_hub.delay)
        except OSError:
            self.close_connection = True  # the other side has left
