"""Peak memory of every method on 500 + 100 tokens of a GPT-2 of 124 million weights.

    python benchmarks/memory.py [--only METHOD] [--seconds 60] [--tokens 500 100]

Each method runs in a process of its own, with the default options, for at most --seconds: chunks are all of one size,
so the peak is reached long before the end. Peaks are of the whole process, weights (475 MB) and libraries included.
Exit status 1 when one reaches 3 GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "2")

from shapes import SHAPES, build  # noqa: E402

from spaces_app.methods import METHODS  # noqa: E402

SHAPE = next(shape for shape in SHAPES if shape.name == "GPT-2 124M")
MOST_MB = 3 * 2**10


class Enough(Exception):
    """The time is up."""


def measure(folder: str, method: str, tokens: tuple[int, int], seconds: float) -> None:
    """Run one method here and print its peak in MB, the share it got done, and the seconds it took."""
    from spaces_app.analyses.attribution.compute import compute
    from spaces_app.analyses.attribution.spec import AttributionSpec
    from spaces_app.models.load import load
    from spaces_app.models.resolve import resolve
    from spaces_app.settings import Settings

    settings, share = Settings(), 0.0
    lm = load(resolve(folder, settings), settings, lambda *_: None)
    words = [f"w{4 + (37 * i * i + 11 * i) % 50000}" for i in range(sum(tokens))]
    spec = AttributionSpec(
        model=folder, prompt=" ".join(words[: tokens[0]]), continuation=" ".join(words[tokens[0] :]), method=method
    )
    began = time.perf_counter()

    def tick(done: int, total: int, _what: str) -> None:
        nonlocal share
        share = done / total if total else share
        if time.perf_counter() - began > seconds:
            raise Enough

    try:
        compute(spec, lm, tick, settings)
        share = 1.0
    except Enough:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{peak} {share:.3f} {time.perf_counter() - began:.1f}")


def main() -> int:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tokens", type=int, nargs=2, default=(500, 100))
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "METHOD"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure, tuple(given.tokens), given.seconds)
        return 0
    too_much = []
    with tempfile.TemporaryDirectory() as folder:
        path = build(SHAPE, Path(folder))
        for method in METHODS if given.only is None else [given.only]:
            command = [sys.executable, __file__, "--measure", str(path), method, "--seconds", str(given.seconds)]
            command += ["--tokens", *map(str, given.tokens)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{method}: {done.stderr.strip().splitlines()[-1]}")
                too_much.append(method)
                continue
            peak, share, seconds = done.stdout.split()[-3:]
            print(f"{method}: {int(peak):,} MB at the peak, {float(share):.0%} done in {seconds} s", flush=True)
            if int(peak) >= MOST_MB:
                too_much.append(method)
    if too_much:
        print("too much:", ", ".join(too_much))
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())
