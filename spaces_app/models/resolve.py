"""From a model's name to an exact revision and, with `fetch`, to its files on this disk. Never imports torch."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from spaces_app.errors import ModelUnavailable, SpecError, TooLarge
from spaces_app.models import checks
from spaces_app.models.cards import bundled_folder, is_listed, is_path
from spaces_app.models.hub import client
from spaces_app.models.hub.quota import Quota
from spaces_app.settings import Settings
from spaces_app.types import Tick

_HUB_ID = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?(?<![.-])", re.ASCII)
_BUNDLED_ID = re.compile(r"bundled/[a-z0-9][a-z0-9-]{0,60}")
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w./-]{0,63}", re.ASCII)
_FRESH = 600.0  # seconds for which the present revision of a Hub model is not asked again
_STALL = 90.0  # seconds a download may stand still


@dataclass(frozen=True)
class Source:
    """Where a model comes from. `path` is None until its files are on this disk.

    `kind` is "bundled", "local" or "hub"; `revision` is 40 hex digits: the Hub's commit, or the start of a folder's
    digest. `n_bytes` is the size of the weight files, `config` the model's configuration. `remote` is what the Hub
    said when files are still to be downloaded.
    """

    id: str
    kind: str
    revision: str
    path: Path | None
    n_bytes: int
    config: dict = field(repr=False, hash=False)
    remote: client.Remote | None = field(default=None, repr=False, hash=False)


def resolve(model: str, settings: Settings, *, revision: str = "") -> Source:
    """The exact model that a name means: "bundled/NAME", a Hub id, or a local folder.

    With an exact `revision` that is on this disk no request is made. Raises SpecError for a name that is none or is
    not on offer here, ModelUnavailable when the model cannot be had, TooLarge when it does not fit.
    """
    _check_name(model, revision)
    if model.startswith("bundled/"):
        return _from_folder(model, "bundled", bundled_folder(model), settings, revision)
    folder = _local_folder(model, settings)
    if folder is not None:
        return _from_folder(model, "local", folder, settings, revision)
    if not (settings.allow_any_model or is_listed(model, settings)):
        raise SpecError(
            f"{model!r:.100} is not one of the models offered here.",
            hint="Choose one of the list, or run Seqscope yourself with any model.", field="model",
        )  # fmt: skip
    return _from_hub(model, settings, revision)


def fetch(source: Source, settings: Settings, tick: Tick) -> Source:
    """The source with its files on this disk, downloaded if need be.

    `tick` reports and may raise to stop waiting; the download then goes on for the next who asks. Several callers
    share one download.
    """
    if source.path is not None:
        return source
    with _lock:
        transfer = _transfers.get((source.id, source.revision))
        if transfer is None:
            _count_download(source.id, settings, begins=True)
            transfer = _transfers[source.id, source.revision] = _Transfer(source, settings)
            transfer.start()
    transfer.wait(tick)
    assert transfer.folder is not None  # else `wait` has raised
    return _check_size(_on_disk(source.id, source.revision, transfer.folder), settings)


def token_for(model: str, settings: Settings) -> client.Token:
    """The owner's token for a model the owner lists, else none."""
    return client.own_token() if model in settings.listed_models else False


def _check_name(model: str, revision: str) -> None:
    if not model:
        raise SpecError("no model is named.", hint="Choose one.", field="model")
    if "\0" in model or len(model) > 1000:
        raise SpecError("this is no name of a model.", field="model")
    pattern = _BUNDLED_ID if model.startswith("bundled/") else _HUB_ID
    if not is_path(model) and not pattern.fullmatch(model):
        raise SpecError(
            f"{model!r:.100} is no name of a model.", hint="Write OWNER/NAME as on the Hub, or ./FOLDER.", field="model"
        )
    if revision and not _REVISION.fullmatch(revision):
        raise SpecError(f"{revision!r:.80} is no revision.", field="revision")


def _local_folder(model: str, settings: Settings) -> Path | None:
    """The local folder a name means, if it means one. On a Space only folders its owner lists: others are private."""
    allowed = (settings.allow_any_model and not settings.space_id) or is_listed(model, settings)
    if is_path(model):
        if not allowed:
            raise SpecError("local folders are not offered here.", hint="Choose a model of the list.", field="model")
        return Path(model).expanduser()
    return Path(model) if allowed and (Path(model) / checks.CONFIG).is_file() else None


def _from_folder(model: str, kind: str, folder: Path, settings: Settings, revision: str) -> Source:
    if not (folder / checks.CONFIG).is_file():
        hint = "Bundled models are made by spaces_app.training." if kind == "bundled" else "Name the folder of a model."
        raise ModelUnavailable(f"there is no model in {model!r:.200}.", hint=hint, field="model")
    source = _on_disk(model, folder_digest(folder), folder, kind=kind)
    if revision and revision != source.revision:
        raise ModelUnavailable(
            f"{model!r:.100} is no longer the one asked for ({revision[:8]}, now {source.revision[:8]}).",
            hint="Run again without the revision to use the present one.", field="model",
        )  # fmt: skip
    return _check_size(source, settings)


def _from_hub(model: str, settings: Settings, revision: str) -> Source:
    exact = revision if client.SHA.fullmatch(revision) else _recent(model, revision)
    folder = client.snapshot(model, exact) if exact else None
    if folder is not None:
        return _check_size(_on_disk(model, exact, folder), settings)
    try:
        remote = client.info(model, revision, token_for(model, settings))
    except client.Unreachable:
        folder = None if revision else client.cached(model)
        if folder is None:
            raise
        return _check_size(_on_disk(model, folder.name, folder), settings)
    with _lock:
        _seen[client.endpoint(), model, revision] = (time.monotonic(), remote.revision)
    folder = client.snapshot(model, remote.revision)
    if folder is not None:
        return _check_size(_on_disk(model, remote.revision, folder), settings)
    return _to_download(model, remote, settings)


def _to_download(model: str, remote: client.Remote, settings: Settings) -> Source:
    token = token_for(model, settings)
    if remote.gated and not token:
        raise client.gated(model)
    if checks.CONFIG not in remote.files:
        raise ModelUnavailable(f"{model!r} is not a transformers model: it has no config.json.", field="model")
    if not any(checks.WEIGHTS.fullmatch(name) for name in remote.files):
        checks.weight_names(remote.files, None)  # raises and says why
    for name, (size, _) in remote.files.items():
        limit = checks.MAX_JSON if name == checks.CONFIG else checks.MAX_TOKENIZER
        if size > limit and not checks.WEIGHTS.fullmatch(name):
            raise TooLarge(f"the model's {name} has {size:,} bytes, more than {limit:,}.", field="model")
    total = sum(size for name, (size, _) in remote.files.items() if name in _weights_of(remote))
    source = Source(model, "hub", remote.revision, None, total, {}, remote)
    _check_size(source, settings, memory=checks.memory(remote.counts))
    _check_disk(source)
    _count_download(model, settings, begins=False)
    folder = client.download(model, remote, [checks.CONFIG], token, lambda n: None)
    config = checks.read_json(folder / checks.CONFIG)
    checks.check_config(config)
    return replace(source, config=config)


def _weights_of(remote: client.Remote) -> set[str]:
    """The weight files by their names alone, before the index is here: one file, or all the shards."""
    if checks.SINGLE in remote.files:
        return {checks.SINGLE}
    return {name for name in remote.files if checks.WEIGHTS.fullmatch(name)}


def _on_disk(model: str, revision: str, folder: Path, *, kind: str = "hub") -> Source:
    config = checks.read_json(folder / checks.CONFIG)
    checks.check_config(config)
    total = sum(path.stat().st_size for path in checks.local_weights(folder))
    return Source(model, kind, revision, folder, total, config)


def _check_size(source: Source, settings: Settings, *, memory: int = 0) -> Source:
    budget, size = settings.model_mb * 2**20, max(source.n_bytes, memory)
    if size > budget:
        raise TooLarge(
            f"{source.id!r:.100} takes {megabytes(size)} of memory, over the {megabytes(budget)} allowed here.",
            hint="Choose a smaller model.", field="model",
        )  # fmt: skip
    return source


def _count_download(model: str, settings: Settings, *, begins: bool) -> None:
    """Raises ModelUnavailable beyond the downloads of an hour. What the owner lists is few, and does not count."""
    if not is_listed(model, settings):
        (_quota.take if begins else _quota.check)(model, settings.downloads_per_hour)


def _check_disk(source: Source) -> None:
    folder = client.cache_dir()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if source.n_bytes * 1.05 > free:
        raise TooLarge(
            f"{source.id!r} has {megabytes(source.n_bytes)} of weights, and the disk has {megabytes(free)} left.",
            hint="Choose a smaller model.", field="model",
        )  # fmt: skip


def megabytes(n_bytes: int) -> str:
    """A size as people read it."""
    return f"{n_bytes / 2**20:,.0f} MB" if n_bytes >= 2**20 else f"{n_bytes / 2**20:.2f} MB"


def folder_digest(folder: Path) -> str:
    """40 hex digits that change with any file a model is made of. Remembered while the files stay as they are."""
    paths = sorted((path for path in folder.iterdir() if checks.wanted(path.name)), key=lambda path: path.name)
    state = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
    with _lock:
        known = _digests.get(state)
    if known is None:
        digest = hashlib.sha256()
        for path in paths:
            digest.update(f"{path.name}\0{client.file_digest(path)}\n".encode())
        known = digest.hexdigest()[:40]
        with _lock:
            _digests[state] = known
    return known


def _recent(model: str, revision: str) -> str:
    with _lock:
        asked, exact = _seen.get((client.endpoint(), model, revision), (float("-inf"), ""))
    return exact if time.monotonic() - asked < _FRESH else ""


class _Transfer(threading.Thread):
    """One download in the background, which any number of callers can wait for."""

    def __init__(self, source: Source, settings: Settings):
        super().__init__(name=f"seqscope-download-{source.revision[:8]}", daemon=True)
        self.folder: Path | None = None
        self._source, self._settings = source, settings
        self._got, self._changed = 0, time.monotonic()
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self.folder = self._download()
        except BaseException as error:
            self._error = error
        finally:
            with _lock:
                _transfers.pop((self._source.id, self._source.revision), None)

    def wait(self, tick: Tick) -> None:
        """Return when the files are there. Raises what the download raised, or what `tick` raises."""
        total = self._source.n_bytes
        while self.is_alive():
            done, mega = min(self._got, total), 2**20
            tick(done, total, f"Downloading {self._source.id}: {done // mega} of {-(-total // mega)} MB")
            if time.monotonic() - self._changed > _STALL:
                raise ModelUnavailable(f"the download of {self._source.id!r} has stopped.", hint="Try again later.")
            self.join(timeout=0.1)
        if self._error is not None:
            raise self._error

    def _download(self) -> Path:
        source, token = self._source, token_for(self._source.id, self._settings)
        remote = source.remote
        assert remote is not None  # what is not on this disk comes from the Hub
        client.sweep(source.id)
        # Small files first: when the weights are there, so is the rest, and an interrupted download is never complete.
        small = sorted(name for name in remote.files if not checks.WEIGHTS.fullmatch(name))
        folder = client.download(source.id, remote, small, token, lambda n: None)
        index = None
        if checks.INDEX in small:
            index = checks.read_json(folder / checks.INDEX, limit=checks.MAX_HEADER)
        if not checks.has_tokenizer(folder):
            raise ModelUnavailable(f"{source.id!r} comes without a tokenizer.", field="model")
        weights = list(checks.weight_names(remote.files, index))
        return client.download(source.id, remote, weights, token, self._count)

    def _count(self, n: int) -> None:
        self._got, self._changed = self._got + n, time.monotonic()


_lock = threading.Lock()
_quota = Quota()
_transfers: dict[tuple[str, str], _Transfer] = {}
_seen: dict[tuple, tuple[float, str]] = {}
_digests: dict[tuple, str] = {}
