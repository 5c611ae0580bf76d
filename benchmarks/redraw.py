"""Main-thread time of the token heatmap in Chromium: `python benchmarks/redraw.py [prompt tokens] [generated tokens]`.

CPU time of the page's main thread (DevTools `Performance`, thread ticks), layout and paint included, which other load
on the machine hardly disturbs. Each line is the median of several repeats; the target is 100 ms for 200 × 400.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gradio as gr
import numpy as np
from playwright.sync_api import Page, sync_playwright

from components.token_heatmap import TokenHeatmap
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.results import Result
from spaces_app.tokens import Token

TARGET_MS = 100
WORDS = " the| key|s| of| an| old| cab|inet| were| found| on| every| table|,| and| no| one| knew| why|.".split("|")


def made_up(n_prompt: int, n_generated: int, seed: int) -> dict:
    """A value of the size asked for, with random scores."""
    rng = np.random.default_rng(seed)
    n = n_prompt + n_generated
    texts = [WORDS[i % len(WORDS)] for i in range(n)]
    segments = ["prompt"] * n_prompt + ["generated"] * n_generated
    scores = rng.gamma(0.5, 0.01, (n, n_generated)).astype(np.float32)
    for column in range(n_generated):
        scores[n_prompt + column :, column] = np.nan
    steps = rng.uniform(0.01, 1.0, (2, n_generated))
    result = Result(
        spec=AttributionSpec(prompt="made up"),
        tokens=tuple(Token(i, text, segment) for i, (text, segment) in enumerate(zip(texts, segments, strict=True))),
        arrays={
            "attributions": NamedArray(scores, {"input": positions(n), "generated": positions(n_generated)}, ""),
            "step_scores": NamedArray(
                steps, {"step_function": ("probability", "entropy"), "generated": positions(n_generated)}, ""
            ),
        },
        notes={"method": "made up", "target": "nothing", "signed": False},
    )
    return token_heatmap(result)


def build(n_prompt: int, n_generated: int) -> gr.Blocks:
    values = [made_up(n_prompt, n_generated, seed) for seed in (1, 2)]
    with gr.Blocks() as demo:
        clicks = gr.State(0)
        heatmap = TokenHeatmap(values[0])
        button = gr.Button("Redraw", elem_id="redraw")
        button.click(lambda n: (values[n % 2], n + 1), clicks, [heatmap, clicks], show_progress="hidden")
    return demo


class Meter:
    """Reads the thread time that the page's main thread has used so far."""

    def __init__(self, page: Page):
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read(self) -> float:
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    def median(self, name: str, actions: list) -> None:
        times = []
        for action in actions:
            self.page.wait_for_timeout(300)
            before = self.read()
            action()
            self.page.wait_for_timeout(700)
            times.append(self.read() - before)
        idle = self.read()
        self.page.wait_for_timeout(700)
        idle = self.read() - idle
        value = statistics.median(times) - idle
        print(f"{name:<44} {value:7.1f} ms   {'ok' if value <= TARGET_MS else 'over ' + str(TARGET_MS) + ' ms'}")


def measure(page: Page) -> None:
    meter = Meter(page)

    # Done by script where possible: the driver's own search for a clickable element also runs on the page's thread.
    def choose(value: str):
        return lambda: page.evaluate("(value) => document.querySelector(`.ss-radio[value=${value}]`).click()", value)

    def redraw():
        page.evaluate("document.querySelector('#redraw').click()")

    def cell(part: float):
        cells = page.locator(".ss-generated .ss-cell")
        box = cells.nth(int(part * cells.count())).bounding_box()
        return lambda: page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def in_matrix(x: int, y: int):
        box = page.locator(".ss-canvas").bounding_box()
        return lambda: page.mouse.move(box["x"] + x, box["y"] + y)

    def scroll(x: int):
        return lambda: page.locator(".ss-matrix").evaluate("(node, x) => { node.scrollLeft = x; }", x)

    meter.median("Colour, words: new value from Python", [redraw] * 5)
    meter.median("Colour, words: hover", [cell(part) for part in (0.5, 0.7, 0.3, 0.9, 0.4)])
    meter.median(
        "switch between words and tokens", [choose(name) for name in ("token", "word", "token", "word", "token")]
    )
    meter.median("Colour, tokens: hover", [cell(part) for part in (0.7, 0.5, 0.9, 0.3, 0.6)])
    meter.median("Colour, tokens: new value from Python", [redraw] * 5)
    choose("percent")()
    meter.median("Percent, tokens: hover", [cell(part) for part in (0.7, 0.5, 0.9, 0.3, 0.6)])
    choose("matrix")()
    meter.median("Matrix, tokens: new value from Python", [redraw] * 5)
    meter.median("Matrix, tokens: hover", [in_matrix(x, 300 + x // 4) for x in (250, 350, 450, 550, 650)])
    meter.median("Matrix, tokens: scroll", [scroll(x) for x in (1000, 3000, 200, 5000, 2500)])


def main(n_prompt: int = 200, n_generated: int = 400) -> None:
    demo = build(n_prompt, n_generated)
    # As in the app: with a run history, Gradio writes every value to the browser's storage, 100 ms for this one.
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, run_history=False)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 2400})
            page.goto(url)
            page.wait_for_selector(".ss-cell")
            n_scores = n_generated * (n_prompt + n_generated)
            print(f"{n_prompt} prompt and {n_generated} generated tokens: {n_scores:,} scores")
            measure(page)
            browser.close()
    finally:
        demo.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
