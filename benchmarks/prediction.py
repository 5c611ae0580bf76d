"""How well seconds are predicted before a question is run: coefficients fitted to some runs, checked on others.

    python benchmarks/prediction.py [--write] [--runs FILE] [--methods NAMES] [--per 10] [--seed 1]

Every method answers random questions of 4 to 48 tokens read and 1 to 20 written, in random order, on the bundled models
and on random models of several shapes; process CPU time on one thread. A model's speed is measured before every sixth
question, as the page does when it first asks a model, and shortly before and after each. --write fits the coefficients
of spaces_app/bundled/costs.json to every second question, by the speed around it, and to all that FILE held before; the
others, or all without it, are predicted by the speed at load. FILE is given all. A machine that others share changes
its pace by half within a second: the share within 0.8 to 1.25 counts where a call before and after the question takes
what it took at load, within 15 %, and stands beside those of all questions: by the speed at load; as the page predicts,
which looks at the pace before a question and learns from the runs since; and by the speed around each.
Exit status 1 when fewer than 80 % of those that count come within 0.8 to 1.25 of the prediction.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from scipy.optimize import nnls  # noqa: E402
from shapes import SHAPES, build  # noqa: E402

from spaces_app.analyses.attribution.spec import AttributionSpec  # noqa: E402
from spaces_app.costs import model as cost_model  # noqa: E402
from spaces_app.costs.model import Coefficients, CostTerm, Speed  # noqa: E402
from spaces_app.costs.speed import Measured, at_load  # noqa: E402
from spaces_app.costs.speed import measure as measured_now  # noqa: E402
from spaces_app.methods import METHODS  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

LOW, HIGH = 0.8, 1.25
FIRST = ("calls", "operations", "fixed")  # coefficients that are written down even when they are 0
ROBUST = 0.05  # relative errors beyond this count by their size, not by its square
LONGEST = 0.6  # seconds by arithmetic alone; longer questions are not asked here
CALLS, BATCHES = (4, 4), (2, 2)  # passes by which the speed is measured around a question
LOADED_FOR = 6  # questions
STEADY = 0.15  # relative change of a call's seconds, above which a machine has changed its pace


@dataclass(frozen=True)
class Run:
    """One measured question: what it consists of, on which model, its seconds, and the speed at load and around it."""

    model: str
    load: int
    part: CostTerm
    seconds: float
    loaded: Measured
    before: Measured
    after: Measured

    @property
    def around(self) -> Measured:
        calls, operations = zip(*((found.call, found.operations) for found in (self.before, self.after)), strict=True)
        return Measured(math.sqrt(math.prod(calls)), math.sqrt(math.prod(operations)))

    @property
    def steady(self) -> bool:
        """Whether the machine kept the pace it had at load."""
        return all(abs(found.call / self.loaded.call - 1) <= STEADY for found in (self.before, self.after))


Pair = tuple[Run, float]


def measure(models: dict, names: list[str], per: int, *, seed: int) -> list[Run]:
    """`per` questions of every method to every model it does not refuse."""
    runs: list[Run] = []
    for model, lm in models.items():
        rng = random.Random(f"{seed} {model}")
        asked = [name for name in names if not METHODS[name].refuse(lm)] * per
        rng.shuffle(asked)
        for number, name in enumerate(asked):
            if number % LOADED_FOR == 0:
                loaded = at_load(lm, time.process_time)
                before = _around(lm)
            if (asking := _question(lm, name, rng, loaded)) is None:
                continue
            part, seconds = asking
            after = _around(lm)
            runs.append(Run(model, number // LOADED_FOR, part, seconds, loaded, before, after))
            before = after
        print(f"{model}: {len(runs)} runs", file=sys.stderr, flush=True)
    return runs


def _around(lm) -> Measured:
    return measured_now(lm, time.process_time, calls=CALLS, batches=BATCHES)


def _question(lm, name: str, rng: random.Random, loaded: Measured) -> tuple[CostTerm, float] | None:
    """What a random question consists of, and how long it took; None where it would be too long."""
    from spaces_app.analyses.attribution.compute import compute
    from spaces_app.costs.token_counts import cost_inputs, text_token_counts

    read, written = rng.choice((4, 8, 12, 20, 32, 48)), rng.choice((1, 3, 6, 12, 20))
    ids = [rng.randrange(20, lm.facts.d_vocab - 5) for _ in range(read + written)]
    options = {"n_steps": rng.choice((5, 10, 20)), "n_samples": rng.choice((10, 25, 50))}
    asked = {key: value for key, value in options.items() if key in METHODS[name].options}
    text = lm.tokenizer.decode(ids[:read])
    spec = AttributionSpec(prompt=text, continuation_ids=tuple(ids[read:]), method=name, **asked)
    counts = text_token_counts(spec, lm)
    (part,) = cost_model.of_method(name, cost_inputs(spec, lm.facts, counts)).terms
    if part.operations / loaded.operations > LONGEST:
        return None
    started = time.process_time()
    compute(spec, lm, lambda *_: None, Settings())
    return part, time.process_time() - started


def fitted(runs: list[Run]) -> Coefficients:
    """Coefficients ≥ 0 with the least relative errors, by reweighted non-negative least squares."""
    rows = [cost_model.factors_of(run.part, run.around.call, run.around.operations) for run in runs]
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
    return Coefficients(**{name: float(f"{value:.4g}") for name, value in zip(names, found, strict=True)})


def fit(runs: list[Run]) -> dict[str, Coefficients]:
    """The coefficients of every method."""
    by_method = defaultdict(list)
    for run in runs:
        by_method[run.part.name].append(run)
    return {name: fitted(own) for name, own in by_method.items()}


def write(found: dict[str, Coefficients]) -> None:
    """Put coefficients on record, in place of the former ones of the same methods."""
    known = cost_model.costs() | found
    costs = {name: known[name] for name in METHODS if name in known}
    plain = {name: {key: v for key, v in vars(value).items() if v or key in FIRST} for name, value in costs.items()}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(values)}" for name, values in plain.items())
    cost_model.RECORD.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    cost_model.costs.cache_clear()


def keep(runs: list[Run], file: Path) -> None:
    """Append measured questions to a file."""
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(dataclasses.asdict(run)) + "\n" for run in runs)


def kept(file: Path) -> list[Run]:
    """The measured questions of a file."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    speeds = ("loaded", "before", "after")
    return [
        Run(**row | {"part": CostTerm(**row["part"])} | {name: Measured(**row[name]) for name in speeds})
        for row in rows
    ]


def ratios(runs: list[Run], speed_of: Callable[[Run], Measured], *, learning: bool = False) -> list[Pair]:
    """(run, seconds / prediction) by a measured speed, and where `learning` with what the page learns and notices."""
    pairs, speed, load = [], None, None
    for run in runs:
        if not learning or load != (run.model, run.load):
            found = speed_of(run)
            speed, load = Speed(found.call, found.operations), (run.model, run.load)
        asked = cost_model.Cost((run.part,))
        if learning:
            speed.notice(run.before.call)
        pairs.append((run, run.seconds / speed.seconds(asked)))
        if learning:
            speed.learn(asked, run.seconds)
    return pairs


def within(pairs: list[Pair]) -> float:
    """The share within the bounds."""
    return float(np.mean([LOW <= ratio <= HIGH for _, ratio in pairs])) if pairs else float("nan")


def report(pairs: list[Pair], of) -> list[str]:
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
    parser.add_argument("--per", type=int, default=10, help="Questions per method and model.")
    parser.add_argument("--seed", type=int, default=1, help="Of the random questions.")
    parser.add_argument("--runs", type=Path, help="A file in which measured questions are kept, one a line.")
    parsed = parser.parse_args()
    names = [name for name in parsed.methods.split(",") if name] or list(METHODS)
    with tempfile.TemporaryDirectory() as folder:
        unseen = measure(_models(Path(folder)), names, parsed.per, seed=parsed.seed)
    known = kept(parsed.runs) if parsed.runs and parsed.runs.exists() else []
    if parsed.runs:
        keep(unseen, parsed.runs)
    if parsed.write:
        write(fit(known + unseen[::2]))
        unseen = unseen[1::2]
    loaded, around = ratios(unseen, lambda run: run.loaded), ratios(unseen, lambda run: run.around)
    learning = ratios(unseen, lambda run: run.loaded, learning=True)
    counted = [pair for pair in loaded if pair[0].steady]
    print("\n| model | questions | within 0.8–1.25 | median seconds / prediction |\n|---|---|---|---|")
    print("\n".join(report(counted, lambda run: run.model)))
    print("\n| method | questions | within 0.8–1.25 | median seconds / prediction |\n|---|---|---|---|")
    print("\n".join(report(counted, lambda run: run.part.name)))
    print(
        f"\n{within(counted):.1%} of {len(counted)} asked while the machine kept the pace it had at load. Of all "
        f"{len(unseen)}: {within(loaded):.1%} by the speed at load, {within(learning):.1%} as the page predicts, "
        f"{within(around):.1%} by the speed around each."
    )
    return 0 if within(counted) >= 0.8 else 1


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
