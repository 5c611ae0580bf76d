"""The same raw scores as Inseq 0.7.1 when both compute in float64, where rounding cannot hide what differs.

    python benchmarks/parity_float64.py [--inseq-python PATH] [--only "GPT-2 15M"] [--ask CXMI] [--slow]

In float32, `inseq_parity.py` compares; what it finds of the size of 1e-6 is either rounding, and then gone here, or
another formula. Inseq stores its scores in float32, and Llama and T5 normalise in it, so differences are compared with
the largest score. Exit status 1 when one is more than a millionth of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402  (threads are set above)
import transformers  # noqa: E402
from questions import QUESTIONS  # noqa: E402
from shapes import SHAPES, Shape, build  # noqa: E402
from sides import Inseq, difference, our_ids, our_spec, running  # noqa: E402

from spaces_app.models.load import load  # noqa: E402
from spaces_app.models.resolve import resolve  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

LARGEST_SHARE = 1e-6  # of the largest raw score


def compare(shape: Shape, folder: Path, inseq: Inseq, asked: str) -> list[str]:
    """Prints a line for each question with known parity. What differs."""
    settings, path, differs = Settings(), build(shape, folder), []
    lm = load(resolve(str(path), settings), settings, lambda *_: None)
    lm = dataclasses.replace(lm, model=lm.model.double(), dtype=torch.float64)
    ids, saved = our_ids(lm, shape), path / "inseq64.npz"
    for question in QUESTIONS:
        if not question.parity or asked not in question.name or not question.fits(shape):
            continue
        if isinstance(inseq.seconds(path, shape, question, saved, double=True), str):
            print(f"| {shape.name} | {question.name} | fails | – |", flush=True)
            continue
        gap, largest = difference(lm, ids, our_spec(shape, path, question), question, saved)
        print(f"| {shape.name} | {question.name} | {gap:.0e} | {largest:.1e} |", flush=True)
        if not gap <= LARGEST_SHARE * largest:
            differs.append(f"{shape.name}, {question.name}: difference {gap:.1e}")
    return differs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inseq-python", help="A python that has inseq 0.7.1; without it one is made.")
    parser.add_argument("--only", default="", help="Compare on models whose name contains this.")
    parser.add_argument("--ask", default="", help="Ask only questions whose name contains this.")
    parser.add_argument("--slow", action="store_true", help="Also on the model of 124 million parameters.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    chosen = [shape for shape in SHAPES if options.only in shape.name and (options.slow or not shape.slow)]
    with tempfile.TemporaryDirectory() as scratch, running(options.inseq_python, Path(scratch)) as inseq:
        print("| model | question | raw difference in float64 | largest score |\n|---|---|---|---|")
        differs = [text for shape in chosen for text in compare(shape, Path(scratch), inseq, options.ask)]
    print("\n".join(differs or ["No score differs."]))
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
