"""What is built from the repository and installed elsewhere does all that a checkout does."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest
from support import ROOT

from spaces_app.link import to_link
from spaces_app.serving.gallery import examples
from spaces_app.version import __version__

MOST = 6_000_000  # bytes of the wheel
# Bytes of each bundled model's weights. Whoever adds a model writes its size here.
WEIGHTS = {"tiny-causal": 1_919_360, "tiny-en-fr": 2_923_344}
REPOSITORY_ONLY = ("spaces_app/maintenance/", "spaces_app/training/", "spaces_app/truth/")
# Nothing of what an author keeps beside their app may be taken for ours, and ours for theirs.
AUTHORS = 'raise SystemExit("a file of the author was imported")\n'
IMPORTS = """
import sys
import seqscope, spaces_app.cli.main, spaces_app.export.html, spaces_app.ui.app
from seqscope import TokenHeatmap
assert "components" not in sys.modules
print(TokenHeatmap.__module__)
"""


def carried(path: str) -> str | None:
    """Where a file of the repository lies in the wheel; None where it is not in it."""
    if path.startswith("components/") and path != "components/__init__.py":
        return f"spaces_app/{path}"
    return path if path.startswith(("seqscope/", "spaces_app/")) and not path.startswith(REPOSITORY_ONLY) else None


def tracked(source: Path) -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.split("\0") if path]


def inside(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_application_and_no_other(source, wheel):
    expected = {carried(path) for path in tracked(source)} - {None}
    assert inside(wheel) == expected
    assert {name.split("/")[0] for name in expected} == {"seqscope", "spaces_app"}
    assert {"spaces_app/py.typed", "seqscope/py.typed", "spaces_app/components/figure/base.js"} <= expected
    assert {"spaces_app/bundled/gallery/questions.json", "spaces_app/ui/favicon.svg"} <= expected


def test_the_wheel_is_small_and_the_size_of_every_model_in_it_is_known(wheel):
    found = {
        Path(item.filename).parent.name: item.file_size
        for item in zipfile.ZipFile(wheel).infolist()
        if item.filename.endswith(".safetensors")
    }
    assert found == WEIGHTS
    assert wheel.stat().st_size <= MOST


def test_what_git_installs_is_what_the_wheel_has_with_the_one_version(installed, wheel):
    code = (
        "import importlib.metadata as m, json; d = m.distribution('seqscope');"
        "print(json.dumps([d.version, [str(f) for f in d.files]]))"
    )
    version, files = json.loads(installed.run("python", "-c", code).stdout)
    ours = {name for name in files if name.startswith(("seqscope/", "spaces_app/")) and "__pycache__" not in name}
    assert ours == inside(wheel)
    assert version == __version__
    assert installed.run("seqscope", "--version").stdout == f"seqscope {__version__}\n"


def test_the_command_prints_the_same_table_from_any_folder_as_in_a_checkout(installed, tmp_path):
    flags = ("attribution", "--prompt", "The keys to the cabinet", "--continuation", "are")
    here = subprocess.run(
        [sys.executable, "-m", "spaces_app", *flags], capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"SEQSCOPE_STORE": str(tmp_path)},
    )  # fmt: skip
    there = installed.run("seqscope", *flags)
    assert there.returncode == 0, there.stderr
    assert "cabinet" in there.stdout and "Link: ?s=" in there.stdout
    assert there.stdout == here.stdout


def test_a_stand_alone_page_has_its_scripts_and_a_picture_its_font(installed):
    page, picture = installed.folder / "out.html", installed.folder / "out.svg"
    link = to_link(examples("attribution")[0].result.spec)  # recorded, so that no model is needed
    for path in (page, picture):
        done = installed.run("seqscope", "export", link, "--out", str(path))
        assert done.returncode == 0, done.stderr
    assert "Seqscope.tokenHeatmap" in page.read_text(encoding="utf-8")
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_the_page_is_served_from_any_folder(installed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [installed.scripts / "seqscope", "serve", "--port", str(port)], cwd=installed.folder,
        env=installed.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        page = _answer(f"http://127.0.0.1:{port}/", server)
        assert '"title":"Seqscope"' in page.replace('": "', '":"') and "seqscope-heatmap" in page
        taken = installed.run("seqscope", "serve", "--port", str(port))
    finally:
        server.terminate()
        server.wait(30)
    assert taken.returncode == 2 and taken.stderr.count("\n") == 1 and f"port {port}" in taken.stderr


def _answer(address: str, server: subprocess.Popen) -> str:
    for _ in range(600):
        assert server.poll() is None, server.stderr.read()
        try:
            return urllib.request.urlopen(address, timeout=30).read().decode("utf-8")
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the page was not served within a minute")


@pytest.fixture
def author(tmp_path) -> Path:
    """A folder of somebody's own app, with packages called as ours are in the repository."""
    for name in ("components", "components/token_heatmap", "components/figure", "tests", "grammar"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(AUTHORS, encoding="utf-8")
    return tmp_path


def test_an_authors_own_components_change_nothing_where_the_wheel_is_installed(installed, author):
    done = installed.run("python", "-c", IMPORTS, folder=author)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "spaces_app.components.token_heatmap.component\n"


def test_an_authors_own_components_change_nothing_beside_a_checkout(author):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, cwd=author,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "spaces_app.components.token_heatmap.component\n"


@pytest.mark.parametrize("command", [("tables", "--check"), ("truth", "--n", "1"), ("gallery", "--check")])
def test_a_command_that_needs_the_repository_says_so_in_a_sentence(installed, command):
    done = installed.run("seqscope", *command)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"seqscope: `{command[0]}` ") and "needs its repository" in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_module_of_the_wheel_can_be_imported(installed):
    code = """
import importlib, pkgutil, seqscope, spaces_app
from spaces_app import components
count = 0
for package, start in ((spaces_app, "spaces_app."), (components, "spaces_app.components.")):
    for module in pkgutil.walk_packages(package.__path__, start, onerror=print):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            count += 1
print(count)
"""
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"\d+", done.stdout).group()) > 150
