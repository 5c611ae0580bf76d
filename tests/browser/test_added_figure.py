"""An analysis that somebody added, in the served page: its link opens in its own tab and its own script draws it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import httpx
import pytest
from added_analysis import copied
from pages import free_port


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """`python app.py` in a copy of the tree that has the analysis."""
    house, port = copied(tmp_path_factory.mktemp("house")), free_port()
    environment = os.environ | {
        "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False",
        "PYTHONPATH": str(house), "SEQSCOPE_STORE": str(house / "store"),
    }  # fmt: skip
    with open(house / "log.txt", "wb") as log:
        server = subprocess.Popen([sys.executable, "app.py"], cwd=house, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            httpx.get(address)
            break
        except httpx.TransportError:
            assert server.poll() is None, (house / "log.txt").read_text(encoding="utf-8")
            time.sleep(0.2)
    yield address
    server.terminate()
    server.wait()


def test_a_link_computes_it_and_its_own_script_draws_it(url, open_page):
    page = open_page(f"{url}/?analysis=surprisal&prompt=The+keys&continuation=are", wait=False)
    bars = page.locator(".seqscope-surprisal li")
    bars.first.wait_for(timeout=60_000)
    assert bars.first.inner_text().split()[0] == "are" and float(bars.first.inner_text().split()[1]) > 0
    assert page.get_by_role("tab", name="Surprisal").get_attribute("aria-selected") == "true"
