"""How well seconds are predicted before a question is run: coefficients fitted to some runs, checked on others.

    python benchmarks/prediction.py [--write] [--methods NAMES] [--per 12]

Every method answers random questions of 4 to 48 tokens read and 1 to 20 written, on the bundled models and on random
models of several shapes; process CPU time on one thread. --write fits the coefficients of spaces_app/bundled/costs.json
to every second question; the others, or all without it, are predicted with the model's speed, and again with what is
learned from one earlier run of the same method. A machine that others share changes its pace by half within a second:
the speed is measured as when the page loads a model, but in turns with each question, and medians count. What the speed
measured once, before a model's questions, would have predicted is printed beside it.
Exit status 1 when fewer than 80 % come within 0.8 to 1.25 of the prediction.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from scipy.optimize import nnls  # noqa: E402
from shapes import SHAPES, build  # noqa: E402

from spaces_app.analyses import work  # noqa: E402
from spaces_app.analyses.attribution import AttributionSpec  # noqa: E402
from spaces_app.analyses.work import Costs, Part, Speed  # noqa: E402
from spaces_app.engine.speed import Measured  # noqa: E402
from spaces_app.engine.speed import measure as measured_now  # noqa: E402
from spaces_app.methods import METHODS  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

LOW, HIGH = 0.8, 1.25
FIRST = ("calls", "operations", "fixed")  # coefficients that are written down even when they are 0
ROBUST = 0.05  # relative errors beyond this count by their size, not by its square
LONGEST = 0.6  # seconds by arithmetic alone; longer questions are not asked here
TURNS, CALLS, BATCHES = 3, (4, 4), (2, 2)  # how often a question is asked, with so many passes before it


@dataclass(frozen=True)
class Run:
    """One measured question: what it consists of, on which model, how fast that was then and at load, its seconds."""

    model: str
    speed: Measured
    loaded: Measured
    part: Part
    seconds: float


def measure(models: dict, names: list[str], per: int, *, seed: int) -> list[Run]:
    """`per` questions of every method to every model it does not refuse."""
    runs = []
    for model, lm in models.items():
        loaded = measured_now(lm, time.process_time)
        rng = random.Random(f"{seed} {model}")
        for name in names:
            if METHODS[name].refuse(lm):
                continue
            for _ in range(per):
                run = _measure(model, lm, name, rng, loaded)
                runs += [run] if run is not None else []
        print(f"{model}: {len(runs)} runs", file=sys.stderr, flush=True)
    return runs


def _measure(model: str, lm, name: str, rng: random.Random, loaded: Measured) -> Run | None:
    from spaces_app.analyses.attribution_compute import compute
    from spaces_app.analyses.size import load_of, text_size

    read, written = rng.choice((4, 8, 12, 20, 32, 48)), rng.choice((1, 3, 6, 12, 20))
    ids = [rng.randrange(20, lm.facts.d_vocab - 5) for _ in range(read + written)]
    options = {"n_steps": rng.choice((5, 10, 20)), "n_samples": rng.choice((10, 25, 50))}
    asked = {key: value for key, value in options.items() if key in METHODS[name].options}
    text = lm.tokenizer.decode(ids[:read])
    spec = AttributionSpec(prompt=text, continuation_ids=tuple(ids[read:]), method=name, **asked)
    size = text_size(spec, lm)
    (part,) = work.of_method(name, load_of(spec, lm.facts, size)).parts
    if part.operations / loaded.operations > LONGEST:
        return None
    speeds, seconds = [], []
    for _ in range(TURNS):
        speeds.append(measured_now(lm, time.process_time, calls=CALLS, batches=BATCHES))
        started = time.process_time()
        compute(spec, lm, lambda *_: None, Settings())
        seconds.append(time.process_time() - started)
    speed = Measured(median(found.call for found in speeds), median(found.operations for found in speeds))
    return Run(model, speed, loaded, part, median(seconds))


def fitted(runs: list[Run]) -> Costs:
    """Coefficients ≥ 0 with the least relative errors, by reweighted non-negative least squares."""
    rows = [work.terms_of(run.part, run.speed.call, run.speed.operations) for run in runs]
    names = list(rows[0])
    terms = np.array([[row[name] for name in names] for row in rows])
    took = np.array([run.seconds for run in runs])
    weights = 1 / took
    for _ in range(12):
        weighted = terms * weights[:, None]
        sizes = np.maximum(np.linalg.norm(weighted, axis=0), 1e-12)
        found = nnls(weighted / sizes, took * weights)[0] / sizes
        expected = np.maximum(terms @ found, 1e-9)
        errors = np.abs(np.log(took / expected))
        weights = 1 / np.sqrt(took * expected * np.maximum(errors, ROBUST))
    return Costs(**{name: round(float(value), 7) for name, value in zip(names, found, strict=True)})


def fit(runs: list[Run]) -> dict[str, Costs]:
    """The coefficients of every method."""
    by_method = defaultdict(list)
    for run in runs:
        by_method[run.part.name].append(run)
    return {name: fitted(own) for name, own in by_method.items()}


def ratios(runs: list[Run], *, learn: int = 0, at_load: bool = False) -> list[tuple[Run, float]]:
    """(run, seconds / prediction), after each model has seen `learn` runs of the method, which are left out."""
    groups = defaultdict(list)
    for run in runs:
        groups[run.model, run.part.name].append(run)
    pairs = []
    for own in groups.values():
        factors: dict[str, float] = {}
        for number, run in enumerate(own):
            found = run.loaded if at_load else run.speed
            speed, asked = Speed(found.call, found.operations, factors), work.Work((run.part,))
            if number < learn:
                speed.learn(asked, run.seconds)
            else:
                pairs.append((run, run.seconds / speed.seconds(asked)))
    return pairs


def within(pairs: list[tuple[Run, float]]) -> float:
    """The share within the bounds."""
    return float(np.mean([LOW <= ratio <= HIGH for _, ratio in pairs])) if pairs else float("nan")


def report(pairs: list[tuple[Run, float]], of) -> list[str]:
    """Lines of a table: the share within the bounds and the median ratio, by what `of(run)` gives."""
    groups = defaultdict(list)
    for pair in pairs:
        groups[of(pair[0])].append(pair)
    return [
        f"| {name} | {len(own)} | {within(own):.2f} | {np.median([ratio for _, ratio in own]):.2f} |"
        for name, own in groups.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Fit the coefficients anew and keep them.")
    parser.add_argument("--methods", default="", help="Names, separated by commas; all without it.")
    parser.add_argument("--per", type=int, default=12, help="Questions per method and model.")
    parsed = parser.parse_args()
    names = [name for name in parsed.methods.split(",") if name] or list(METHODS)
    with tempfile.TemporaryDirectory() as folder:
        models = _models(Path(folder))
        unseen = measure(models, names, parsed.per, seed=1)
    if parsed.write:
        kept = {name: value for name, value in work.costs().items() if name in METHODS}
        costs = kept | fit(unseen[::2])
        plain = {name: {key: v for key, v in vars(value).items() if v or key in FIRST} for name, value in costs.items()}
        lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(values)}" for name, values in plain.items())
        work.RECORD.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
        work.costs.cache_clear()
        unseen = unseen[1::2]
    beside, learned, at_load = ratios(unseen), ratios(unseen, learn=1), ratios(unseen, at_load=True)
    print("\n| model | questions | within 0.8–1.25 | median seconds / prediction |\n|---|---|---|---|")
    print("\n".join(report(beside, lambda run: run.model)))
    print("\n| method | questions | within 0.8–1.25 | median seconds / prediction |\n|---|---|---|---|")
    print("\n".join(report(beside, lambda run: run.part.name)))
    print(
        f"\n{within(beside):.1%} of {len(beside)}; after one run of the method: {within(learned):.1%}; "
        f"by the speed measured once, at load: {within(at_load):.1%}."
    )
    return 0 if within(beside) >= 0.8 else 1


def _models(folder: Path) -> dict:
    """{name: LoadedModel}."""
    import torch

    from spaces_app.models.load import load
    from spaces_app.models.resolve import resolve

    torch.set_num_threads(1)
    settings = Settings()
    places = {name: name for name in ("bundled/tiny-causal", "bundled/tiny-en-fr")}
    places |= {shape.name: str(build(shape, folder)) for shape in SHAPES}
    return {name: load(resolve(place, settings), settings, lambda *_: None) for name, place in places.items()}


if __name__ == "__main__":
    sys.exit(main())
