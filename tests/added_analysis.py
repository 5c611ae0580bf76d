"""A copy of the tree with the analysis of `tests/added` in it, and what comes out of it everywhere.

`python added_analysis.py FOLDER` runs in such a copy and writes what it found to FOLDER/found.json.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# The lines that CONTRIBUTING names: where each goes, and what it stands behind.
LINES = {
    "spaces_app/analyses/__init__.py": ('    "similarity",\n', '    "surprisal",\n'),
    "spaces_app/figures/__init__.py": ('    "similarity": "similarity",\n', '    "surprisal": "surprisal",\n'),
}
ASKED = {"prompt": "The keys to the cabinet", "continuation": " are on the table."}


def copied(folder: Path) -> Path:
    """The tree with the new analysis, in `folder`; the bundled models are links."""
    for name in ("spaces_app", "components"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "bundled"))
    (folder / "spaces_app/bundled").symlink_to(ROOT / "spaces_app/bundled")
    shutil.copy(ROOT / "app.py", folder)
    shutil.copytree(HERE / "added", folder, dirs_exist_ok=True)
    for name, (before, line) in LINES.items():
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} in {name}"
        (folder / name).write_text(text.replace(before, before + line), encoding="utf-8")
    return folder


def find(folder: Path) -> dict:
    """What the new analysis has: from the command line, in files, in a notebook, on the page and by the API."""
    from spaces_app.cli.main import main

    out = folder / "answer.json"
    printed = io.StringIO()
    flags = [f"--{name}={text}" for name, text in ASKED.items()]
    with contextlib.redirect_stdout(printed):
        status = main(["surprisal", *flags, "--json", str(out)])
    found = {"status": status, "printed": printed.getvalue(), "json": json.loads(out.read_text(encoding="utf-8"))}
    return found | _files(found["json"]) | _page(found["json"]["link"])


def _files(document: dict) -> dict:
    from spaces_app.analyses import KINDS
    from spaces_app.errors import AppError
    from spaces_app.export.compare import comparison
    from spaces_app.export.formats import FORMATS, offered
    from spaces_app.export.notebook import mimebundle
    from spaces_app.export.snippets import Place, snippets
    from spaces_app.results import Result
    from spaces_app.serving.gallery import Example
    from spaces_app.tabs import TABS
    from spaces_app.ui.page.overview import overview

    result = Result.from_dict(document, KINDS["surprisal"])

    def refusal(action) -> str:
        try:
            return f"not refused: {action()}"
        except AppError as error:
            return str(error)

    return {
        "offered": [item.name for item in offered(result)],
        "html": FORMATS["html"].write(result),
        "csv": FORMATS["csv"].write(result),
        "no_picture": refusal(lambda: FORMATS["svg"].write(result)),
        "no_comparison": refusal(lambda: comparison(result, result)),
        "notebook": mimebundle(result),
        "snippets": snippets(result, Place("http://127.0.0.1/")),
        "overview": overview([(TABS["surprisal"], [Example("one", "One", "What?", result)])]),
    }


def _page(link: str) -> dict:
    import gradio as gr
    import httpx
    from gradio_client import Client

    from spaces_app.serving.runner import Runner
    from spaces_app.settings import Settings
    from spaces_app.ui.app import build_app, launch_arguments
    from spaces_app.ui.server.listeners import Listeners

    settings = Settings.from_env()
    runner = Runner(settings)
    listeners = Listeners()
    demo = build_app(settings, runner, listeners)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = launch_arguments(settings, runner, listeners) | {"mcp_server": False, "server_port": port}
    _, url, _ = demo.launch(**given, prevent_thread_lock=True, quiet=True)
    opened = next(block.fn for block in demo.fns.values() if block.name == "open_link")(
        gr.EventData(None, {"link": link})
    )
    values = [item for item in opened.values() if isinstance(item, dict)]
    client = Client(url, verbose=False)
    found = {
        "page": httpx.get(url).text,
        "titles": [part["props"].get("label") for part in httpx.get(f"{url}config").json()["components"]],
        "selected": [item["selected"] for item in values if "selected" in item],
        "drawn": [item for item in values if item.get("kind") == "surprisal"],
        "embedded": httpx.get(f"{url}embed{link}").text,
        "api": client.predict(**ASKED, unit="nats", api_name="/surprisal"),
    }
    demo.close()
    runner.stop()
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / "found.json").write_text(json.dumps(find(where)), encoding="utf-8")
