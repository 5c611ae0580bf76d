"""Results on disk, one file per digest: atomic, checksummed, bounded."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
import threading
import time
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_MAGIC = b"seqscope-result 1 "
_STALE_SECONDS = 3600  # a temporary file this old was left by a process that died while saving


class Store:
    """A folder of JSON values by 64-hex digest.

    A reader sees a whole value or none: a value is written beside its place, flushed to disk and renamed. Damage is
    found by checksum; a damaged file is set aside as `.bad` and counts as absent. One file per key, no locks and no
    database, so that several processes and mounted buckets can share the folder. When the folder outgrows
    `max_bytes`, the values not read for longest go.
    """

    def __init__(self, root: Path, max_bytes: int):
        self.root, self.max_bytes = Path(root), max_bytes
        self._bytes: int | None = None  # unknown until the first save scans the folder
        self._lock = threading.Lock()

    def get(self, digest: str, *, alias: bool = False) -> dict | None:
        """The value saved under `digest`, or None. ValueError for anything that is not a digest.

        `alias` says that another digest led here; an alias of an alias is never written, so it counts as absent.
        """
        path = self._path(digest)
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        value = _unpack(raw)
        if value is None:
            try:
                os.replace(path, path.with_suffix(".bad"))
            except OSError:
                pass  # a read-only folder: the next reader finds the damage again
            return None
        if "same_as" in value:
            return None if alias else self.get(value["same_as"], alias=True)
        try:
            os.utime(path)  # the modification time is the time of last use, which eviction goes by
        except OSError:
            pass
        return value

    def put(self, digest: str, value: dict, *, alias: str = "") -> bool:
        """Save `value`; False when the disk refuses. With `alias`, that digest leads here too."""
        saved = self._write(digest, _pack(value))
        if saved and alias and alias != digest:
            self._write(alias, _pack({"same_as": digest}))
        return saved

    def _path(self, digest: str) -> Path:
        if not _DIGEST.match(digest):
            raise ValueError(f"not a digest: {digest!r:.80}")
        return self.root / digest[:2] / f"{digest}.result"

    def _write(self, digest: str, raw: bytes) -> bool:
        path = self._path(digest)
        if len(raw) > self.max_bytes // 4:
            return False
        temporary = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            return False
        self._make_room(len(raw))
        return True

    def _make_room(self, added: int) -> None:
        with self._lock:
            self._bytes = None if self._bytes is None else self._bytes + added
            if self._bytes is not None and self._bytes <= self.max_bytes:
                return
            files = sorted(_files(self.root), key=lambda item: item[0])
            self._bytes = sum(size for _, size, _ in files)
            target = self.max_bytes if self._bytes <= self.max_bytes else int(self.max_bytes * 0.9)
            for _, size, path in files:
                if self._bytes > target or _abandoned(path):
                    path.unlink(missing_ok=True)
                    self._bytes -= size


def _pack(value: dict) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    body = gzip.compress(text.encode("utf-8"), compresslevel=6, mtime=0)
    return _MAGIC + hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body


def _unpack(raw: bytes) -> dict | None:
    head, _, body = raw.partition(b"\n")
    if head != _MAGIC + hashlib.sha256(body).hexdigest().encode("ascii"):
        return None
    try:
        return json.loads(gzip.decompress(body))
    except (OSError, EOFError, ValueError):
        return None


def _files(root: Path) -> list[tuple[float, int, Path]]:
    found = []
    for path in root.glob("??/*"):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((status.st_mtime, status.st_size, path))
    return found


def _abandoned(path: Path) -> bool:
    if path.suffix not in {".tmp", ".bad"}:
        return False
    try:
        return time.time() - path.stat().st_mtime > _STALE_SECONDS
    except OSError:
        return False


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; without it a power cut may bring the old folder back."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # mounted buckets cannot sync a folder; the value itself is safe already
    finally:
        os.close(handle)
