"""One Chromium for all browser tests, and a server for any Gradio page. Without a browser these tests fail."""

from __future__ import annotations

import contextlib
import os
import shutil

import pytest
from pages import (  # noqa: F401  (fixtures of a file and the page)
    PATIENCE,
    free_port,
    open_file,
    open_page,
    serve_real,
    site,
)
from playwright.sync_api import expect, sync_playwright

from spaces_app.settings import Settings

# No sandbox, since CI runs as root; no background traffic, since tests count requests and may have no network.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--no-first-run", "--no-default-browser-check", "--force-color-profile=srgb",
)  # fmt: skip

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """Chromium from the system, else Playwright's own; its launch raises when there is neither."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def serve_blocks():
    """A function that serves a gr.Blocks on a free port of this computer until the tests end, and gives its address."""
    with contextlib.ExitStack() as stack:

        def serve(blocks) -> str:
            _, url, _ = blocks.launch(
                prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=free_port(), ssr_mode=False,
                run_history=False,
            )  # fmt: skip
            stack.callback(blocks.close, verbose=False)
            return url

        yield serve


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The address of the page with its recorded examples and the models that ship with it, and nothing stored."""
    settings = Settings(store=str(tmp_path_factory.mktemp("store")), threads=1)
    with serve_real(settings) as (url, _):
        yield url
