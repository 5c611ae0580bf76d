"""The Hugging Face Hub: what a model consists of, and its files on this disk.

The token of whoever runs this is never sent, except for models they list themselves: without that rule a visitor
could read their private models. A Hub that does not answer is left alone for a minute, so that nobody waits for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from spaces_app.errors import AppError, ModelUnavailable
from spaces_app.models import checks

SHA = re.compile(r"[0-9a-f]{40}")
TIMEOUT = 5.0  # seconds for one answer of the Hub; it usually takes a tenth of one
Token = str | bool  # False: send none


class Unreachable(ModelUnavailable):
    """The Hub does not answer, which says nothing about the model."""


@dataclass(frozen=True)
class Remote:
    """What the Hub says about one revision of a model.

    `files` maps names to (bytes, sha256 or ""), `counts` safetensors types to numbers of elements, if it says so.
    """

    revision: str
    files: dict[str, tuple[int, str]]
    gated: bool
    counts: dict[str, int]


class Breaker:
    """Refuses at once for `rest` seconds after `limit` failures in a row."""

    def __init__(self, limit: int = 2, rest: float = 60.0):
        self.limit, self.rest = limit, rest
        self._failures, self._since, self._lock = 0, 0.0, threading.Lock()

    def check(self) -> None:
        """Raises Unreachable while resting."""
        with self._lock:
            if self._failures >= self.limit and time.monotonic() - self._since < self.rest:
                raise _unreachable()

    def note(self, failed: bool) -> None:
        """Take down how a request went."""
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            self._since = time.monotonic()


breaker = Breaker()


def info(model: str, revision: str, token: Token) -> Remote:
    """Files, sizes and exact revision of a model; "" asks for the present one. One request.

    Raises ModelUnavailable when there is no such model or revision, Unreachable when the Hub does not answer.
    """
    api = _library().HfApi(endpoint=endpoint(), token=token)
    with _answers(model, revision):
        found = api.model_info(model, revision=revision or None, files_metadata=True, timeout=TIMEOUT, token=token)
    files = {
        item.rfilename: (item.size or 0, item.lfs.sha256 if item.lfs else "")
        for item in found.siblings or []
        if checks.wanted(item.rfilename)
    }
    if not SHA.fullmatch(found.sha or ""):
        raise ModelUnavailable(f"the Hub names no exact revision of {model!r}.", field="model")
    counts = dict(found.safetensors.parameters) if found.safetensors else {}
    return Remote(revision=found.sha, files=files, gated=bool(found.gated), counts=counts)


def download(model: str, remote: Remote, names: list[str], token: Token, count: Callable[[int], None]) -> Path:
    """Bring files onto the disk, in the order given, and return the folder they are in.

    `count(n)` is told of every n bytes that arrive. Weights are compared with the Hub's checksums, since a
    damaged file of the right length loads without complaint.
    """
    library = _library()
    folder: Path | None = None
    for name in names:
        with _answers(model, remote.revision):
            path = library.hf_hub_download(
                model,
                name,
                revision=remote.revision,
                cache_dir=cache_dir(),
                endpoint=endpoint(),
                token=token,
                etag_timeout=TIMEOUT,
                tqdm_class=_counter(count),
            )
        folder = Path(path).parent
        expected = remote.files.get(name, (0, ""))[1]
        if expected and checks.WEIGHTS.fullmatch(name) and file_digest(Path(path)) != expected:
            Path(path).resolve().unlink(missing_ok=True)
            Path(path).unlink(missing_ok=True)
            raise ModelUnavailable(f"{name} of {model!r} was damaged on its way.", hint="Try again.", field="model")
    assert folder is not None  # no model comes without files
    return folder


def snapshot(model: str, revision: str) -> Path | None:
    """The folder of one exact revision on this disk, when it is complete. No request."""
    folder = _folder(model) / "snapshots" / revision
    return folder if SHA.fullmatch(revision) and checks.complete(folder) else None


def cached(model: str) -> Path | None:
    """The folder of the newest complete revision on this disk: the one "main" was last, if that is known."""
    main = _folder(model) / "refs" / "main"
    try:
        names = [main.read_text(encoding="utf-8").strip()] if main.is_file() else []
        folders = [path for path in (_folder(model) / "snapshots").iterdir() if path.is_dir()]
    except OSError:
        return None
    names += [path.name for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)]
    return next((folder for name in names if (folder := snapshot(model, name)) is not None), None)


def sweep(model: str) -> None:
    """Remove what downloads left behind that were killed over a day ago: the library neither resumes nor removes it."""
    for path in (_folder(model) / "blobs").glob("*.incomplete"):
        try:
            if time.time() - path.stat().st_mtime > 86_400:
                path.unlink()
        except OSError:
            continue  # another process was faster


def cache_dir() -> Path:
    """Where the Hub library keeps files; read now, since it reads its environment only once."""
    if path := os.environ.get("HF_HUB_CACHE"):
        return Path(path).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(_library().constants.HF_HUB_CACHE)


def endpoint() -> str | None:
    """Another Hub than huggingface.co, when HF_ENDPOINT names one."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def own_token() -> Token:
    """The token of whoever runs this, for models they list."""
    return _library().get_token() or False


def file_digest(path: Path) -> str:
    """sha256 of a file, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _folder(model: str) -> Path:
    return cache_dir() / f"models--{model.replace('/', '--')}"


def _library() -> ModuleType:
    # Set in both places: for processes started later, and because gradio may have imported the library before us.
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import huggingface_hub
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_IMPLICIT_TOKEN = True
    constants.HF_HUB_DISABLE_TELEMETRY = True  # else it asks the Hub for a list of coding agents to report
    return huggingface_hub


def _counter(count: Callable[[int], None]) -> type:
    class Counter:
        """Looks like the progress bar the library wants, and only counts."""

        total = n = 0

        def __init__(self, *args: object, **kwargs: object):
            """Takes and forgets what a bar is drawn with."""

        def __enter__(self) -> Counter:
            return self

        def __exit__(self, *error: object) -> None:
            """Nothing to close."""

        def update(self, n: float | None = 1) -> None:
            count(int(n or 0))

        def update_transfer(self, n: float | None = 1) -> None:
            """Bytes on the network; those on the disk are counted."""

        set_postfix_str = set_transfer_postfix_str = refresh = close = lambda self, *args, **kwargs: None

    return Counter


@contextmanager
def _answers(model: str, revision: str) -> Iterator[None]:
    """Turns the library's errors into sentences and tells the breaker."""
    from huggingface_hub import errors

    breaker.check()
    try:
        yield
    except errors.GatedRepoError:
        breaker.note(failed=False)
        raise gated(model) from None
    except errors.RevisionNotFoundError:
        breaker.note(failed=False)
        raise ModelUnavailable(f"{model!r} has no revision {revision!r:.60}.", field="model") from None
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        breaker.note(failed=False)
        raise ModelUnavailable(
            f"the Hub has no public model {model!r}.", hint="Check the spelling: OWNER/NAME.", field="model"
        ) from None
    except errors.RemoteEntryNotFoundError:
        breaker.note(failed=False)
        raise ModelUnavailable(f"{model!r} lacks one of its files.", field="model") from None
    except errors.DisabledRepoError:
        breaker.note(failed=False)
        raise ModelUnavailable(f"the Hub has switched {model!r} off.", field="model") from None
    except AppError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise ModelUnavailable(
                f"{model!r} could not be written to the disk ({os.strerror(error.errno)}).", field="model"
            ) from error
        if not _network(error):
            raise
        breaker.note(failed=True)
        raise _unreachable() from error
    else:
        breaker.note(failed=False)


def _network(error: Exception) -> bool:
    """Whether an error is the network's: the library has used three HTTP packages by now, so by kind and origin."""
    return isinstance(error, OSError | TimeoutError) or type(error).__module__.split(".")[0] in {"httpx", "httpx2"}


def gated(model: str) -> ModelUnavailable:
    """The error for a model whose owner asks people to accept terms first."""
    return ModelUnavailable(
        f"{model!r} is gated: its owner asks you to accept terms first.",
        hint="Accept them on the Hub, set HF_TOKEN and list the model in SEQSCOPE_MODELS.",
        field="model",
    )


def _unreachable() -> Unreachable:
    return Unreachable(
        "the Hugging Face Hub does not answer.", hint="Bundled models and those on this disk still work.", field="model"
    )
