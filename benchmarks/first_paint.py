"""How long until a figure is on screen: `python benchmarks/first_paint.py [visits]`.

Serves the page as `python app.py` does, opens it in a fresh browser profile each time, and prints the milliseconds from
the start of the navigation to the frame after the figure was there, as the browser's own clock has them, with requests
and bytes: for the bare page, and for a link whose result is stored, where the figure counts from when it is the link's.
The figure is there first in a frame (spaces_app/ui/early.py); "page around it" is when the page's own has taken its
place. The first visit of all comes after the server has answered once. Then the same for the embed page of that result,
and the milliseconds that the server takes to answer it, measured from outside on one connection.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the package stands beside this folder
TARGET_MS, EMBED_TARGET_MS = 1500, 50
CELL = ".seqscope-figure .ss-cell"
PROMPT = "The old keys to the small cabinet near the door"  # none of the recorded examples
# Waits for cells with the given words: in any figure, and in one of the page itself that nothing covers any more.
WATCH = """const cellsOf = (page) => [...(page?.querySelectorAll("CELL") ?? [])];
const arrived = (cells) => {
  const text = cells.map((cell) => cell.textContent).join(" ").replace(/\\s+/g, " ").trim();
  const style = cells[0]?.ownerDocument.defaultView.getComputedStyle(cells[0]);
  return style?.visibility === "visible" && text.includes("WORDS");
};
const note = (name) => requestAnimationFrame(() => { window[name] ??= performance.now(); });
const look = () => {
  const early = document.querySelector("#seqscope-early");
  const own = arrived(cellsOf(document));
  if (own || arrived(cellsOf(early?.querySelector("iframe")?.contentDocument))) note("figureAt");
  if (own && !early) note("pageAt");
  else requestAnimationFrame(look);
};
if (window === top) look();""".replace("CELL", CELL)
BYTES = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def store_result(folder: str) -> str:
    """Computes one result and stores it in `folder`; returns its link, `?s=…`."""
    from spaces_app import AttributionSpec
    from spaces_app.link import to_link
    from spaces_app.serving.runner import Runner
    from spaces_app.settings import Settings

    runner = Runner(Settings(store=folder))
    result = runner.run(AttributionSpec(prompt=PROMPT, method="saliency", max_new_tokens=20))
    runner.stop()
    return to_link(result.spec)


def serve(store: str) -> tuple[subprocess.Popen, str]:
    """The page in a process of its own, and its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1", "SEQSCOPE_STORE": store}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=os.environ | given, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return process, url
        except OSError:
            time.sleep(0.5)
    raise SystemExit("The page did not come up within two minutes.")


def visit(browser: Browser, url: str, said: str = "") -> tuple[float, float, int, int]:
    """(milliseconds to the figure with these words, to the page around it, requests, bytes) of one visit."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(WATCH.replace("WORDS", said))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.pageAt")
    took, whole = page.evaluate("[window.figureAt, window.pageAt]")
    page.wait_for_timeout(500)
    found = took, whole, len([url for url in asked if "favicon" not in url]), page.evaluate(BYTES)
    context.close()
    return found


def answer_times(url: str, times: int) -> list[float]:
    """Milliseconds from asking for `url` to the last byte of the answer, after one that warms what is cached."""
    parts, found = urlsplit(url), []
    connection = http.client.HTTPConnection(parts.netloc)
    for _ in range(times + 1):
        began = time.perf_counter()
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Accept-Encoding": "br"})
        answer = connection.getresponse()
        answer.read()
        found.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"{url} was answered with {answer.status}.")
    connection.close()
    return found[1:]


def report(what: str, found: list[tuple[float, float, int, int]], target: int) -> None:
    times, wholes, requests, sizes = zip(*found, strict=True)
    print(f"{what}, ms:", " ".join(f"{took:.0f}" for took in times))
    print(f"  median {statistics.median(times):.0f}, slowest {max(times):.0f}; wanted: {target}")
    print(f"  page around it: median {statistics.median(wholes):.0f}, slowest {max(wholes):.0f}")
    print(f"  requests {max(requests)}, {max(sizes) / 1024:.0f} KB")


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as store:
        link = store_result(store)
        process, url = serve(store)
        embed = url + "embed" + link
        try:
            with sync_playwright() as playwright:
                path = os.environ.get("CHROMIUM") or shutil.which("chromium")
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
                report("first figure", [visit(browser, url) for _ in range(visits)], TARGET_MS)
                report("stored link", [visit(browser, url + link, PROMPT[:12]) for _ in range(visits)], TARGET_MS)
                report("embed page", [visit(browser, embed, PROMPT[:12]) for _ in range(visits)], TARGET_MS)
                browser.close()
            times = answer_times(embed, 20)
        finally:
            process.terminate()
            process.wait()
    print(f"embed page, server ms: median {statistics.median(times):.1f}, slowest {max(times):.1f};", end=" ")
    print(f"wanted: {EMBED_TARGET_MS}")


if __name__ == "__main__":
    main()
