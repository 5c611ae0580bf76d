"""Every knob of the application: name, default, environment variable, help. Read once, at start."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from spaces_app.errors import SpecError

T = TypeVar("T")


def setting(default: T, env: str, help: str) -> T:
    """A dataclass field that remembers the environment variable it is read from and what it is for."""
    return field(default=default, metadata={"env": env, "help": help})


@dataclass(frozen=True)
class Settings:
    """The values in force. `Settings.from_env()` is called where a program starts; tests pass their own."""

    allow_any_model: bool = setting(
        True, "ALLOW_ANY_MODEL", "Accept any Hub id or local folder; off by default on a Space."
    )
    models: str = setting("", "SEQSCOPE_MODELS", "Hub ids offered beside the bundled models, separated by commas.")
    store: str = setting("", "SEQSCOPE_STORE", "Folder of stored results; empty means a folder in the user's cache.")
    store_mb: int = setting(512, "SEQSCOPE_STORE_MB", "Size the stored results may reach before the oldest go.")
    model_mb: int = setting(6000, "SEQSCOPE_MODEL_MB", "Memory that loaded models may take together.")
    downloads_per_hour: int = setting(
        20, "SEQSCOPE_DOWNLOADS_PER_HOUR", "Models downloaded within an hour, listed ones not counted; 0 allows none."
    )
    chunk_mb: int = setting(256, "SEQSCOPE_CHUNK_MB", "Memory one step of a computation may take.")
    max_seconds: int = setting(120, "SEQSCOPE_MAX_SECONDS", "Time one analysis may take.")
    threads: int = setting(0, "SEQSCOPE_THREADS", "Threads torch may use; 0 leaves torch's own choice.")
    lane: str = setting("thread", "SEQSCOPE_LANE", "Where analyses are computed: thread or process.")
    plugins: str = setting(
        "",
        "SEQSCOPE_PLUGINS",
        "Python files or modules that register methods and step functions of your own, separated by commas.",
    )
    queue: int = setting(64, "SEQSCOPE_QUEUE", "Requests that may wait at the same time.")
    frames: str = setting(
        "",
        "SEQSCOPE_FRAMES",
        "Who may show the page in a frame: addresses separated by spaces, or *; empty means anybody on a Space, else "
        "nobody. Embedded figures (/embed) may stand anywhere.",
    )
    space_id: str = setting("", "SPACE_ID", "Set by Hugging Face Spaces: owner/name, used to build links.")
    zero_gpu: bool = setting(False, "SPACES_ZERO_GPU", "Set by Hugging Face Spaces with ZeroGPU hardware.")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables. Raises SpecError naming the variable when a value does not fit."""
        env = os.environ if env is None else env
        values: dict[str, Any] = {}
        if env.get("SPACE_ID"):
            values["allow_any_model"] = False  # a public Space loads strangers' models only when its owner says so
        for item in fields(cls):
            text = env.get(item.metadata["env"], "").strip()
            if text:
                values[item.name] = _parse(item.default, text, item.metadata["env"])
        return cls(**values)

    @property
    def store_path(self) -> Path:
        """The folder of stored results."""
        if self.store:
            return Path(self.store)
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        try:
            path = Path(base) / "seqscope" / "results"
            path.mkdir(parents=True, exist_ok=True)
        except OSError:  # a read-only home, as in some containers
            path = Path(tempfile.gettempdir()) / "seqscope" / "results"
        return path

    @property
    def listed_models(self) -> tuple[str, ...]:
        """Hub ids the owner offers, in the order given."""
        return tuple(name.strip() for name in self.models.split(",") if name.strip())


def _parse(default: object, text: str, name: str) -> bool | int | str:
    if isinstance(default, bool):
        if text.lower() not in {"0", "1", "true", "false", "yes", "no"}:
            raise SpecError(f"{text!r} is neither 1 nor 0.", field=name)
        return text.lower() in {"1", "true", "yes"}
    if isinstance(default, int):
        if not text.isdecimal():
            raise SpecError(f"{text!r} is not a whole number.", field=name)
        return int(text)
    return text
