"""How well seconds are predicted before a question is run: coefficients fitted to some runs, checked on others.

    python benchmarks/prediction.py [--write] [--methods NAMES] [--per 8]

Every method answers random questions of 4 to 48 tokens read and 1 to 20 written, on the bundled models and on random
models of several shapes; process CPU time on one thread, the better of two. --write fits the coefficients of
spaces_app/bundled/costs.json to a first set of questions; a second set, which nothing was fitted to, is then predicted
with what is measured when a model is loaded, and again with what is learned from one earlier run of the same method.
Exit status 1 when fewer than 80 % of the latter come within 0.8 to 1.25 of the prediction.
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

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from shapes import SHAPES, build  # noqa: E402

from spaces_app.analyses import work  # noqa: E402
from spaces_app.analyses.attribution import AttributionSpec  # noqa: E402
from spaces_app.analyses.work import Costs, Part, Speed  # noqa: E402
from spaces_app.methods import METHODS  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

LOW, HIGH = 0.8, 1.25
PROBES = {"gradient": "saliency", "perturbation": "occlusion"}
LONGEST = 1.0  # seconds by arithmetic alone; longer questions are not asked here


@dataclass(frozen=True)
class Run:
    """One measured question: what it consists of, on which model, and its seconds."""

    model: str
    part: Part
    seconds: float


def measure(models: dict, names: list[str], per: int, *, seed: int) -> list[Run]:
    """`per` questions of every method to every model it does not refuse."""
    runs = []
    for model, (lm, speed) in models.items():
        rng = random.Random(f"{seed} {model}")
        for name in names:
            if METHODS[name].refuse(lm):
                continue
            for _ in range(per):
                run = _measure(model, lm, name, rng, speed)
                runs += [run] if run is not None else []
        print(f"{model}: {len(runs)} runs", file=sys.stderr, flush=True)
    return runs


def _measure(model: str, lm, name: str, rng: random.Random, speed: Speed) -> Run | None:
    from spaces_app.analyses.attribution_compute import compute
    from spaces_app.analyses.size import load_of, text_size

    read, written = rng.choice((4, 8, 12, 20, 32, 48)), rng.choice((1, 3, 6, 12, 20))
    ids = [rng.randrange(20, lm.facts.d_vocab - 5) for _ in range(read + written)]
    options = {"n_steps": rng.choice((5, 10, 20)), "n_samples": rng.choice((10, 25, 50))}
    asked = {key: value for key, value in options.items() if key in METHODS[name].options}
    text = lm.tokenizer.decode(ids[:read])
    spec = AttributionSpec(prompt=text, continuation_ids=tuple(ids[read:]), method=name, **asked)
    size = text_size(spec, lm)
    part = Part(name, METHODS[name].cost(load_of(spec, lm.facts, size)), size.n_generated)
    if part.operations / speed.operations > LONGEST:
        return None
    seconds = []
    for _ in range(2):
        started = time.process_time()
        compute(spec, lm, lambda *_: None, Settings())
        seconds.append(time.process_time() - started)
    return Run(model, part, min(seconds))


def fitted(runs: list[Run], models: dict, factor) -> Costs:
    """Coefficients ≥ 0 with the least squares of relative errors; factor(run) is what the model's own speed adds."""
    rows = []
    for run in runs:
        speed = models[run.model][1]
        terms = (speed.call, speed.call * run.part.n_generated, run.part.operations / speed.operations, 1.0)
        rows.append([factor(run) * term / run.seconds for term in terms])
    matrix = np.array(rows)
    found, gram, aim = np.zeros(4), matrix.T @ matrix, matrix.T @ np.ones(len(rows))
    for _ in range(5000):  # coordinate descent: four unknowns
        for j in range(4):
            found[j] = max(0.0, found[j] + (aim[j] - gram[j] @ found) / max(gram[j, j], 1e-30))
    return Costs(*(float(value) for value in found))


def fit(runs: list[Run], models: dict, found: dict) -> dict[str, Costs]:
    """The coefficients of every method, after those of the two small questions that a model is measured by."""
    by_method = defaultdict(list)
    for run in runs:
        by_method[run.part.name].append(run)
    costs = {kind: fitted(by_method[name], models, lambda _: 1.0) for kind, name in PROBES.items()}
    factors = {model: _factors(costs, lm, found[model]) for model, (lm, _) in models.items()}
    for name, own in by_method.items():
        kind = "gradient" if METHODS[name].family in ("gradient", "propagation") else "perturbation"
        costs[name] = fitted(own, models, lambda run, kind=kind: factors[run.model].get(kind, 1.0))
    return costs


def _factors(costs: dict[str, Costs], lm, measured) -> dict[str, float]:
    with _using(costs):
        return work.calibrated(measured, lm.facts).factors


class _using:
    """Within, these are the coefficients."""

    def __init__(self, costs: dict[str, Costs]):
        self.costs = costs

    def __enter__(self):
        self.before, work.costs = work.costs, lambda: self.costs

    def __exit__(self, *_):
        work.costs = self.before


def ratios(runs: list[Run], models: dict, found: dict, *, learn: int) -> list[tuple[Run, float]]:
    """(run, seconds / prediction), after each model has seen `learn` runs of the method, which are left out."""
    groups = defaultdict(list)
    for run in runs:
        groups[run.model, run.part.name].append(run)
    pairs = []
    for (model, _), own in groups.items():
        speed = work.calibrated(found[model], models[model][0].facts)
        for run in own[:learn]:
            speed.learn(work.Work((run.part,)), run.seconds)
        pairs += [(run, run.seconds / speed.seconds(work.Work((run.part,)))) for run in own[learn:]]
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
    parser.add_argument("--per", type=int, default=8, help="Questions per method and model.")
    parsed = parser.parse_args()
    names = [name for name in parsed.methods.split(",") if name] or list(METHODS)
    with tempfile.TemporaryDirectory() as folder:
        models, found = _models(Path(folder))
        if parsed.write:
            costs = fit(measure(models, names, parsed.per, seed=1), models, found)
            kept = {name: value for name, value in work.costs().items() if name in {*METHODS, *PROBES}}
            rounded = {name: [round(v, 5) for v in vars(value).values()] for name, value in (kept | costs).items()}
            lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(values)}" for name, values in rounded.items())
            work.RECORD.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
            work.costs.cache_clear()
        unseen = measure(models, names, parsed.per, seed=2)
    loaded, learned = (ratios(unseen, models, found, learn=count) for count in (0, 1))
    print("\n| model | questions | within 0.8–1.25 | median seconds / prediction |\n|---|---|---|---|")
    print("\n".join(report(loaded, lambda run: run.model)))
    print("\n| method | questions | within 0.8–1.25 | median seconds / prediction |\n|---|---|---|---|")
    print("\n".join(report(loaded, lambda run: run.part.name)))
    print(
        f"\nAfter loading: {within(loaded):.1%} of {len(loaded)}; after one run of the method: {within(learned):.1%}."
    )
    return 0 if within(learned) >= 0.8 else 1


def _models(folder: Path) -> tuple[dict, dict]:
    """{name: (LoadedModel, Speed)} and {name: Measured}."""
    import torch

    from spaces_app.engine.speed import measured
    from spaces_app.models.load import load
    from spaces_app.models.resolve import resolve

    torch.set_num_threads(1)
    settings, models, found = Settings(), {}, {}
    places = {name: name for name in ("bundled/tiny-causal", "bundled/tiny-en-fr")}
    places |= {shape.name: str(build(shape, folder)) for shape in SHAPES}
    for name, place in places.items():
        lm = load(resolve(place, settings), settings, lambda *_: None)
        found[name] = measured(lm, clock=time.process_time)
        models[name] = (lm, Speed(found[name].call, found[name].operations))
    return models, found


if __name__ == "__main__":
    sys.exit(main())
