"""How long until the first figure is on screen: `python benchmarks/first_paint.py [visits]`.

Serves the page as `python app.py` does, opens it in a fresh browser profile each time, and prints the milliseconds from
the start of the navigation to the frame after the figure was put into the page, as the browser's own clock has them,
with requests and bytes. The first visit of all comes after the server has answered once.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TARGET_MS = 1500
CELL = ".seqscope-heatmap .ss-cell"
WATCH = (
    """new MutationObserver((_, watcher) => {
  if (!document.querySelector("CELL")) return;
  watcher.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.figureAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });"""
).replace("CELL", CELL)
BYTES = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def serve() -> tuple[subprocess.Popen, str]:
    """The page in a process of its own, and its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return process, url
        except OSError:
            time.sleep(0.5)
    raise SystemExit("The page did not come up within two minutes.")


def visit(browser: Browser, url: str) -> tuple[float, int, int]:
    """(milliseconds to the figure, requests, bytes) of one visit."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(WATCH)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.figureAt")
    took = page.evaluate("window.figureAt")
    page.wait_for_timeout(500)
    found = took, len(asked), page.evaluate(BYTES)
    context.close()
    return found


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    process, url = serve()
    try:
        with sync_playwright() as playwright:
            path = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            found = [visit(browser, url) for _ in range(visits)]
            browser.close()
    finally:
        process.terminate()
        process.wait()
    times = [took for took, _, _ in found]
    print("first figure, ms:", " ".join(f"{took:.0f}" for took in times))
    print(f"median {statistics.median(times):.0f}, slowest {max(times):.0f}; wanted: {TARGET_MS}")
    print(f"requests {max(n for _, n, _ in found)}, {max(size for _, _, size in found) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
