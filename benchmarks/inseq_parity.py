"""Compare with Inseq 0.7.1: the same raw scores, and how much faster, in one run.

    python benchmarks/inseq_parity.py [--inseq-python PATH] [--rounds 5] [--only "GPT-2 15M"] [--ask occlusion] [--slow]

Without --inseq-python, Inseq is installed into a virtual environment of its own first. Both sides run on one thread;
times are process CPU time, taken in turns, and the median counts. Exit status 1 when a number misses its target.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402  (threads are set above)
import transformers  # noqa: E402
from clock import cpu_seconds  # noqa: E402
from questions import N_SAMPLES, N_STEPS, QUESTIONS, Question  # noqa: E402
from raw import minimal_seconds  # noqa: E402
from shapes import N_GENERATED, N_PROMPT, SHAPES, Shape, build  # noqa: E402
from sides import Inseq, difference, our_ids, our_spec, ours, running  # noqa: E402

from spaces_app.analyses.attribution.spec import AttributionSpec  # noqa: E402
from spaces_app.models.load import load  # noqa: E402
from spaces_app.models.resolve import resolve  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

LARGEST_DIFFERENCE = 1e-6  # of raw scores in float32
LARGEST_LIMIT_RATIO = 1.5  # of our time to the plain minimal calls
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
        # P-CXMI is a difference of log-probabilities, near -9 each: logits that float32 rounds leave it five digits.
        # parity_float64.py compares without that.
        allowed = LARGEST_DIFFERENCE * (3 if self.question.parity == "step" else 1)
        found = [f"difference {self.difference:.1e}"] if self.difference > allowed else []
        if floor is not None and not self.ratio >= floor:
            found.append(f"{self.ratio:.2f}× Inseq, not {floor}×")
        if floor is not None and self.to_limit > LARGEST_LIMIT_RATIO:
            found.append(f"{self.to_limit:.2f}× the minimal calls, not {LARGEST_LIMIT_RATIO}×")
        return [f"{self.shape.name}, {self.question.name}: {text}" for text in found]


def our_seconds(lm, ids: tuple, spec: AttributionSpec, question: Question) -> float:
    """CPU seconds of one attribution with all step scores."""
    return cpu_seconds(lambda: ours(lm, ids, spec, question))


def compare(shape: Shape, folder: Path, inseq: Inseq, options: argparse.Namespace) -> list[Row]:
    """All questions on one model."""
    settings = Settings()
    path = build(shape, folder)
    lm = load(resolve(str(path), settings), settings, lambda *_: None)
    ids, rows = our_ids(lm, shape), []
    for question in QUESTIONS:
        if options.ask not in question.name or not question.fits(shape):
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
        least_seconds = minimal_seconds(lm.model, ids, *least, weights=question.weights)
        times.append((theirs, our_seconds(lm, ids, spec, question), least_seconds))
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
none. Minimal calls: plain transformers forward and backward calls, as few as the method can do with; for attention
those that give its weights. Peak: what our tensors take at most at a time, beside the weights; `benchmarks/memory.py`
measures whole processes on long texts.

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
    with tempfile.TemporaryDirectory() as scratch, running(options.inseq_python, Path(scratch)) as inseq:
        print(HEADER)
        chosen = [shape for shape in SHAPES if options.only in shape.name and (options.slow or not shape.slow)]
        rows = [row for shape in chosen for row in compare(shape, Path(scratch), inseq, options)]
    if not options.only and not options.ask:
        (HERE / "RESULTS.md").write_text(report(rows, options.rounds), encoding="utf-8")
    missed = [text for row in rows for text in row.misses()]
    print("\n".join(missed or ["Every target is reached."]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
