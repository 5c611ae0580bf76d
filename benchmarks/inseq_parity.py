"""Compare with Inseq 0.7.1: the same raw scores, and how much faster, in one run.

    python benchmarks/inseq_parity.py [--inseq-python PATH] [--rounds 5] [--only "GPT-2 15M"]

Without --inseq-python, Inseq is installed into a virtual environment of its own first. Both sides run on one thread;
times are process CPU time, taken in turns, and the median counts. Exit status 1 when a number misses its target.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402  (threads are set above)
import torch  # noqa: E402
import transformers  # noqa: E402
from raw import minimal_seconds  # noqa: E402
from shapes import N_GENERATED, N_PROMPT, SHAPES, Shape, build, texts  # noqa: E402

from spaces_app.engine.forced import ForcedPass  # noqa: E402
from spaces_app.methods import METHODS, REDUCTIONS, Ask, reduction  # noqa: E402
from spaces_app.models.load import load  # noqa: E402
from spaces_app.models.resolve import resolve  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402
from spaces_app.step_functions import STEP_FUNCTIONS  # noqa: E402

REQUIREMENTS = (
    "inseq==0.7.1",
    "torch==2.13.0",
    f"transformers=={transformers.__version__}",
)  # one model code on both sides
N_STEPS = 50
LARGEST_DIFFERENCE = 1e-6  # of raw scores in float32
LARGEST_LIMIT_RATIO = 1.6  # of our time to the plain minimal calls
PROBABILITY = STEP_FUNCTIONS["probability"].fn


@dataclass(frozen=True)
class Row:
    """One method on one model. Differences are of raw scores; times are CPU milliseconds."""

    shape: Shape
    method: str
    difference: float
    largest: float
    inseq: float
    ours: float
    minimal: float

    @property
    def ratio(self) -> float:
        return self.inseq / self.ours

    @property
    def to_limit(self) -> float:
        return self.ours / self.minimal

    def misses(self) -> list[str]:
        """What this row should reach and does not."""
        floor = self.shape.floors.get(self.method)
        found = [f"difference {self.difference:.1e}"] if self.difference > LARGEST_DIFFERENCE else []
        if floor is not None and self.ratio < floor:
            found.append(f"{self.ratio:.2f}× Inseq, not {floor}×")
        if floor is not None and self.to_limit > LARGEST_LIMIT_RATIO:
            found.append(f"{self.to_limit:.2f}× the minimal calls, not {LARGEST_LIMIT_RATIO}×")
        return [f"{self.shape.name}, {self.method}: {text}" for text in found]


class Inseq:
    """Inseq in a process of its own environment, asked line by line."""

    def __init__(self, python: str):
        self.process = subprocess.Popen(
            [python, str(HERE / "inseq_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )

    def seconds(self, folder: Path, shape: Shape, method: str, save: Path | None = None) -> float:
        """CPU seconds of one run; raw scores go to `save`."""
        prompt, output = texts(shape)
        request = {"folder": str(folder), "method": method, "prompt": prompt, "output": output, "n_steps": N_STEPS}
        print(json.dumps(request | ({"save": str(save)} if save else {})), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("Inseq's process ended; run benchmarks/inseq_worker.py in its environment to see why.")
        return json.loads(line)["seconds"]


def installed(folder: Path) -> str:
    """The python of a fresh virtual environment with Inseq in it."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return str(python)


def our_ids(lm, shape: Shape) -> tuple:
    """(source, prompt, generated) ids of the benchmark's texts."""
    prompt, output = texts(shape)
    generated = tuple(lm.encode_continuation(prompt, output))
    encoded = tuple(lm.encode_prompt(prompt))
    return (encoded, tuple(lm.decoder_start), generated) if shape.encoder_decoder else ((), encoded, generated)


def our_seconds(lm, ids: tuple, method: str) -> float:
    """CPU seconds of one attribution with all step scores, as the analysis computes it."""
    watch = [step.fn for step in STEP_FUNCTIONS.values()]
    chosen = REDUCTIONS[reduction(METHODS[method], "auto")]
    began = time.process_time()
    run = ForcedPass(lm, ids, watch=watch)
    METHODS[method].attribute(run, Ask(PROBABILITY, chosen, baseline="unk", n_steps=N_STEPS))
    for score in watch:
        run.scores(score)
    return time.process_time() - began


def difference(lm, ids: tuple, method: str, saved: Path) -> tuple[float, float]:
    """(largest difference of raw scores, largest raw score of Inseq). NaN cells must be the same ones."""

    def whole(values):
        return values

    ask = Ask(PROBABILITY, whole, baseline="unk", n_steps=N_STEPS)
    ours = np.moveaxis(METHODS[method].attribute(ForcedPass(lm, ids), ask).scores.numpy(), 0, 1)  # (n_inputs, G, …)
    arrays = np.load(saved)
    theirs = np.concatenate([arrays["source"], arrays["target"]]) if "source" in arrays else arrays["target"]
    theirs = theirs[: len(ours)]
    if method == "occlusion":
        ours = np.abs(ours)  # Inseq drops the sign
    if method == "attention":
        theirs = theirs.mean((-2, -1))  # over layers and heads
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        raise SystemExit(f"{method}: scores are missing in different places.")
    return float(np.nanmax(np.abs(ours - theirs))), float(np.nanmax(np.abs(theirs)))


def compare(shape: Shape, folder: Path, inseq: Inseq, rounds: int) -> list[Row]:
    """All methods on one model."""
    settings = Settings()
    path = build(shape, folder)
    lm = load(resolve(str(path), settings), settings, lambda *_: None)
    ids = our_ids(lm, shape)
    rows = []
    for method in METHODS:
        saved = folder / "inseq.npz"
        inseq.seconds(path, shape, method, saved)
        gap, largest = difference(lm, ids, method, saved)
        our_seconds(lm, ids, method)
        times = [
            (
                inseq.seconds(path, shape, method),
                our_seconds(lm, ids, method),
                minimal_seconds(lm.model, ids, method, N_STEPS),
            )
            for _ in range(rounds)
        ]
        medians = [1000 * statistics.median(column) for column in zip(*times, strict=True)]
        rows.append(Row(shape, method, gap, largest, *medians))
        print(_line(rows[-1]), flush=True)
    return rows


HEADER = (
    "| model | method | raw difference | largest score | Inseq ms | Seqscope ms | × Inseq | × minimal calls |\n"
    "|---|---|---|---|---|---|---|---|"
)


def _line(row: Row) -> str:
    return (
        f"| {row.shape.name} | {METHODS[row.method].label} | {row.difference:.0e} | {row.largest:.1e} |"
        f" {row.inseq:,.1f} | {row.ours:,.1f} | {row.ratio:.1f} | {row.to_limit:.2f} |"
    )


def report(rows: list[Row], rounds: int) -> str:
    """The table with what was measured and how."""
    return f"""# Seqscope and Inseq 0.7.1, the same question

{N_PROMPT} prompt tokens, {N_GENERATED} generated, probability explained, random weights in float32, baseline unk.
Raw difference: largest absolute difference of scores before any aggregation (occlusion: of absolute values, since
Inseq drops the sign; attention: of the mean over layers and heads). Times: process CPU time on one thread, taken in
turns, median of {rounds}. Seqscope's include all step scores, Inseq's include none. Minimal calls: plain transformers
forward and backward calls, as few as the method can do with ({N_STEPS} points on a path).

torch {torch.__version__}, transformers {transformers.__version__}, Python {platform.python_version()},
{platform.machine()}. Made by `python benchmarks/inseq_parity.py`.

{HEADER}
{chr(10).join(_line(row) for row in rows)}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inseq-python", help="A python that has inseq 0.7.1; without it one is made.")
    parser.add_argument("--rounds", type=int, default=5, help="Measurements per number.")
    parser.add_argument("--only", default="", help="Compare on models whose name contains this; writes no file.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        inseq = Inseq(options.inseq_python or installed(Path(scratch) / "inseq"))
        print(HEADER)
        chosen = [shape for shape in SHAPES if options.only in shape.name]
        rows = [row for shape in chosen for row in compare(shape, Path(scratch), inseq, options.rounds)]
        inseq.process.stdin.close()
        inseq.process.wait()
    if not options.only:
        (HERE / "RESULTS.md").write_text(report(rows, options.rounds), encoding="utf-8")
    missed = [text for row in rows for text in row.misses()]
    print("\n".join(missed or ["Every target is reached."]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
