"""Compare with Inseq 0.7.1: the same raw scores, and how much faster, in one run.

    python benchmarks/inseq_parity.py [--inseq-python PATH] [--rounds 5] [--only "GPT-2 15M"] [--ask occlusion] [--slow]

Without --inseq-python, Inseq is installed into a virtual environment of its own first. Both sides run on one thread;
times are process CPU time, taken in turns, and the median counts. Exit status 1 when a number misses its target.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import select
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402  (threads are set above)
import torch  # noqa: E402
import transformers  # noqa: E402
from clock import cpu_seconds  # noqa: E402
from questions import LAYER, N_SAMPLES, N_STEPS, QUESTIONS, Question  # noqa: E402
from raw import minimal_seconds  # noqa: E402
from shapes import N_GENERATED, N_PROMPT, SHAPES, Shape, build, texts  # noqa: E402

from spaces_app.analyses.attribution import AttributionSpec  # noqa: E402
from spaces_app.analyses.running import ask  # noqa: E402
from spaces_app.analyses.targets import Targets  # noqa: E402
from spaces_app.engine.forced import ForcedPass  # noqa: E402
from spaces_app.methods import METHODS  # noqa: E402
from spaces_app.methods.gradient_shap import draws  # noqa: E402
from spaces_app.models.load import load  # noqa: E402
from spaces_app.models.resolve import resolve  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

REQUIREMENTS = (
    "inseq==0.7.1",
    "torch==2.13.0",
    f"transformers=={transformers.__version__}",
    *("scikit-learn", "joblib", "nltk"),  # for LIME, discretized paths and ReAGent
)  # one model code on both sides
LARGEST_DIFFERENCE = 1e-6  # of raw scores in float32
LARGEST_LIMIT_RATIO = 1.5  # of our time to the plain minimal calls
PATIENCE = 300.0  # seconds until a run of Inseq is given up
LONG = 20.0  # seconds of one run of Inseq, above which one run must do


@dataclass(frozen=True)
class Row:
    """One question on one model. Differences are of raw scores; times are CPU milliseconds; NaN where there is none.

    peak: MB that our tensors take at most at a time, beside the weights.
    """

    shape: Shape
    question: Question
    difference: float
    largest: float
    inseq: float
    ours: float
    minimal: float
    peak: float
    failed: str = ""

    @property
    def ratio(self) -> float:
        return self.inseq / self.ours

    @property
    def to_limit(self) -> float:
        return self.ours / self.minimal if self.minimal else float("nan")

    def misses(self) -> list[str]:
        """What this row should reach and does not."""
        floor = self.shape.floors.get(self.question.name)
        # A step score is a difference of logarithms, of which float32 holds six digits.
        allowed = LARGEST_DIFFERENCE * (5 if self.question.parity == "step" else 1)
        found = [f"difference {self.difference:.1e}"] if self.difference > allowed else []
        if floor is not None and not self.ratio >= floor:
            found.append(f"{self.ratio:.2f}× Inseq, not {floor}×")
        if floor is not None and self.to_limit > LARGEST_LIMIT_RATIO:
            found.append(f"{self.to_limit:.2f}× the minimal calls, not {LARGEST_LIMIT_RATIO}×")
        return [f"{self.shape.name}, {self.question.name}: {text}" for text in found]


class Inseq:
    """Inseq in a process of its own environment, asked line by line."""

    def __init__(self, python: str):
        self.python = python
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.python, str(HERE / "inseq_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )

    def seconds(self, folder: Path, shape: Shape, question: Question, save: Path | None = None) -> float | str:
        """CPU seconds of one run, or why it failed; raw scores go to `save`."""
        prompt, output = texts(shape)
        request = {"folder": str(folder), "method": question.inseq, "prompt": prompt, "output": output}
        request |= {"options": question.options | _contrast(shape, question), "loading": question.loading}
        if question.name == "gradient_shap":
            request["nodes"] = draws(N_SAMPLES, 0)[0]
        return self.asked(request | ({"save": str(save)} if save else {}))

    def asked(self, request: dict) -> float | str:
        """CPU seconds of a request to the worker, or why it failed, such as for taking longer than anybody waits."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.process.kill()
            self.process.wait()
            self.start()
            return f"gives no answer within {PATIENCE:.0f} s"
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("Inseq's process ended; run benchmarks/inseq_worker.py in its environment to see why.")
        told = json.loads(line)
        return told["seconds"] if "seconds" in told else told["failed"]


def _contrast(shape: Shape, question: Question) -> dict:
    """How Inseq is told of the other side."""
    (prompt, output), (other_prompt, foil) = texts(shape), texts(shape, other=1)
    if question.contrast == "foil":
        return {"contrast_targets": foil if shape.encoder_decoder else f"{prompt} {foil}"}
    if question.contrast == "context" and shape.encoder_decoder:
        return {"contrast_sources": other_prompt, "contrast_targets": output}
    return {"contrast_targets": f"{other_prompt} {output}"} if question.contrast == "context" else {}


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


def our_spec(shape: Shape, folder: Path, question: Question) -> AttributionSpec:
    """The question as one of our specs."""
    (prompt, output), (other_prompt, foil) = texts(shape), texts(shape, other=1)
    other = {"foil": {"contrast": foil}, "context": {"contrast_prompt": other_prompt}}.get(question.contrast, {})
    method = METHODS[question.spec.get("method", "saliency")]
    baseline = {"baseline": "unk"} if "baseline" in method.options else {}
    fields = {"model": str(folder), "prompt": prompt, "continuation": output}
    return AttributionSpec(**fields, **baseline, **other, **question.spec)


def ours(lm, ids: tuple, spec: AttributionSpec, question: Question, *, raw: bool = False):
    """(answer or None, step scores) as the analysis computes them; `raw` keeps hidden units."""
    targets = Targets.of(spec, lm, ids, chunk_mb=256, tick=lambda *_: None)
    scores = targets.scores(targets.names())
    run = ForcedPass(lm, ids, watch=scores.values())
    answer = None
    if "method" in question.spec:
        method = METHODS[spec.method]
        asked = ask(spec, method, tuple(lm.tokens(*ids)), targets.score(spec.step_function))
        answer = method.attribute(run, dataclasses.replace(asked, reduce=lambda values: values) if raw else asked)
    return answer, {name: run.scores(score) for name, score in scores.items()}


def our_seconds(lm, ids: tuple, spec: AttributionSpec, question: Question) -> float:
    """CPU seconds of one attribution with all step scores."""
    return cpu_seconds(lambda: ours(lm, ids, spec, question))


def difference(lm, ids: tuple, spec: AttributionSpec, question: Question, saved: Path) -> tuple[float, float]:
    """(largest difference of raw scores, largest raw score of Inseq). NaN cells must be the same ones."""
    if not question.parity:
        return float("nan"), float("nan")
    if question.parity == "layer":
        spec = spec.replace(layer=str(LAYER))  # the only one there
    answer, steps = ours(lm, ids, spec, question, raw=True)
    arrays = np.load(saved)
    if question.parity == "step":
        found = np.stack([steps[name].numpy() for name in question.options["step_scores"]])
        theirs = np.stack([arrays[f"step_{name}"][-found.shape[1] :] for name in question.options["step_scores"]])
        return float(np.abs(found - theirs).max()), float(np.abs(theirs).max())
    found = np.moveaxis(answer.scores.numpy(), 0, 1)  # (n_inputs, G, …)
    theirs = np.concatenate([arrays["source"], arrays["target"]]) if "source" in arrays else arrays["target"]
    theirs = theirs[: len(found)]
    if question.parity == "size":
        found = np.abs(found)
    if question.parity == "mean":
        theirs = theirs.mean((-2, -1))  # over layers and heads
    if not np.array_equal(np.isnan(found), np.isnan(theirs)):
        raise SystemExit(f"{question.name}: scores are missing in different places.")
    return float(np.nanmax(np.abs(found - theirs))), float(np.nanmax(np.abs(theirs)))


def compare(shape: Shape, folder: Path, inseq: Inseq, options: argparse.Namespace) -> list[Row]:
    """All questions on one model."""
    settings = Settings()
    path = build(shape, folder)
    lm = load(resolve(str(path), settings), settings, lambda *_: None)
    ids, rows = our_ids(lm, shape), []
    for question in QUESTIONS:
        if options.ask not in question.name or (question.causal and not shape.config.startswith("GPT2")):
            continue
        if shape.slow and question.slow:
            continue
        rows.append(_row(shape, path, (lm, ids), question, inseq, options.rounds))
        print(_line(rows[-1]), flush=True)
    return rows


def _row(shape: Shape, path: Path, model: tuple, question: Question, inseq: Inseq, rounds: int) -> Row:
    lm, ids = model
    saved, spec = path / "inseq.npz", our_spec(shape, path, question)
    n_inputs = sum(map(len, ids)) - 1
    least = (question.gradients(n_inputs), question.forwards(n_inputs))
    first = inseq.seconds(path, shape, question, saved) if question.inseq else float("nan")
    failed = first if isinstance(first, str) else ""
    gap, largest = (float("nan"), float("nan")) if failed else difference(lm, ids, spec, question, saved)
    our_seconds(lm, ids, spec, question)
    long = not failed and first > LONG
    times = []
    for _ in range(1 if long else rounds):
        known = failed or long or not question.inseq
        theirs = (float("nan") if failed else first) if known else inseq.seconds(path, shape, question)
        times.append((theirs, our_seconds(lm, ids, spec, question), minimal_seconds(lm.model, ids, *least)))
    medians = [1000 * statistics.median(column) for column in zip(*times, strict=True)]
    peak = peak_mb(lambda: ours(lm, ids, spec, question))
    return Row(shape, question, gap, largest, *medians, peak, failed=failed)


def peak_mb(work: Callable[[], object]) -> float:
    """MB of tensors that `work` makes and holds at the same time, at most."""
    held = most = 0
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most / 2**20


HEADER = (
    "| model | question | raw difference | largest score | Inseq ms | Seqscope ms | × Inseq | × minimal calls |"
    " peak MB |\n|---|---|---|---|---|---|---|---|---|"
)


def _number(value: float, form: str) -> str:
    return "–" if value != value else format(value, form)


def _line(row: Row) -> str:
    theirs = ("too long" if "within" in row.failed else "fails") if row.failed else _number(row.inseq, ",.1f")
    return (
        f"| {row.shape.name} | {row.question.name} | {_number(row.difference, '.0e')} | {_number(row.largest, '.1e')} |"
        f" {theirs} | {row.ours:,.1f} | {_number(row.ratio, '.1f')} | {_number(row.to_limit, '.2f')} |"
        f" {row.peak:,.0f} |"
    )


def report(rows: list[Row], rounds: int) -> str:
    """The table with what was measured and how."""
    failures = sorted({f"- {row.question.name} ({row.shape.name}): {row.failed}" for row in rows if row.failed})
    return f"""# Seqscope and Inseq 0.7.1, the same question

{N_PROMPT} prompt tokens, {N_GENERATED} generated, probability explained, random weights in float32, baseline unk,
{N_STEPS} points on a path (sequential: 10), {N_SAMPLES} samples. Raw difference: largest absolute difference of scores
before any aggregation (occlusion: of absolute values, since Inseq drops the sign; attention: of the mean over layers
and heads; gradient SHAP: with the same random points; layer gradient × activation: all layers here, one there; KL and
P-CXMI: of the step scores). – where the semantics or the draws differ on purpose. Times: process CPU time on one
thread, taken in turns, median of {rounds} (of one above {LONG:.0f} s). Seqscope's include all step scores, Inseq's
none. Minimal calls: plain transformers forward and backward calls, as few as the method can do with. Peak: what our
tensors take at most at a time, beside the weights; `benchmarks/memory.py` measures whole processes on long texts.

torch {torch.__version__}, transformers {transformers.__version__}, Python {platform.python_version()},
{platform.machine()}. Made by `python benchmarks/inseq_parity.py`.

{HEADER}
{chr(10).join(_line(row) for row in rows)}

What fails or takes too long in Inseq 0.7.1 with this transformers:

{chr(10).join(failures) or "Nothing."}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inseq-python", help="A python that has inseq 0.7.1; without it one is made.")
    parser.add_argument("--rounds", type=int, default=5, help="Measurements per number.")
    parser.add_argument("--only", default="", help="Compare on models whose name contains this; writes no file.")
    parser.add_argument("--ask", default="", help="Ask only questions whose name contains this; writes no file.")
    parser.add_argument("--slow", action="store_true", help="Also on the large model: a quarter of an hour.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        inseq = Inseq(options.inseq_python or installed(Path(scratch) / "inseq"))
        print(HEADER)
        chosen = [shape for shape in SHAPES if options.only in shape.name and (options.slow or not shape.slow)]
        rows = [row for shape in chosen for row in compare(shape, Path(scratch), inseq, options)]
        inseq.process.stdin.close()
        inseq.process.wait()
    if not options.only and not options.ask:
        (HERE / "RESULTS.md").write_text(report(rows, options.rounds), encoding="utf-8")
    missed = [text for row in rows for text in row.misses()]
    print("\n".join(missed or ["Every target is reached."]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
