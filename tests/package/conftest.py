"""One wheel and one environment with the package installed in it, made once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import ROOT

# Files that are not in git yet count too, so that a new one is tested before it is committed.
_NOT_COPIED = shutil.ignore_patterns(
    ".git", "__pycache__", "*.pyc", ".venv*", "node_modules", ".hypothesis", ".*_cache"
)


@dataclass(frozen=True)
class Installed:
    """An environment of its own: nothing of the checkout is on its path."""

    scripts: Path
    folder: Path  # where commands run: empty, and not the checkout

    def run(self, program: str, *arguments: str, folder: Path | None = None, **env: str) -> subprocess.CompletedProcess:
        """What a program of the environment ("python", "seqscope") prints."""
        return subprocess.run(
            [str(self.scripts / program), *arguments], capture_output=True, text=True, timeout=300,
            cwd=folder or self.folder, env=self.environment | env,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a fresh shell."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return kept | {"SEQSCOPE_STORE": str(self.folder / "store")}


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """A git repository of the files that are here."""
    folder = tmp_path_factory.mktemp("source") / "seqscope"
    shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "All files")):
        name = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *name, *command], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(source, tmp_path_factory) -> Path:
    """The built wheel."""
    out = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source))
    [path] = out.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(source, tmp_path_factory) -> Installed:
    """`pip install git+file://…` in an environment that takes everything else from the one the tests run in."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site = sysconfig.get_path("purelib", vars={"base": str(folder / "venv"), "platbase": str(folder / "venv")})
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (folder / "work").mkdir()
    _pip(
        "--python", str(python), "install", "--quiet", "--no-deps", "--no-build-isolation", f"git+{source.as_uri()}",
    )  # fmt: skip
    return Installed(folder / "venv" / "bin", folder / "work")
