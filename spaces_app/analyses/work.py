"""How long work takes: what it consists of, and what its parts cost on one model and machine. Imports no torch.

A method says how many floating-point operations it does (Method.cost). Small models spend their time on calls instead,
and no two methods reach the same speed; so a few coefficients per method, the same for all models, were fitted to
measured runs (benchmarks/prediction.py), and what a pass costs is measured when a model is first used.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from spaces_app.methods import METHODS, Load

RECORD = Path(__file__).parent.parent / "bundled" / "costs.json"
PASSES, WRITING = "passes", "writing"  # names of work that belongs to no method
LEARNED = 0.5  # how far a finished run moves what was known of its method on this model
BOUNDS = (0.2, 5.0)  # a run further off than this was disturbed


@dataclass(frozen=True)
class Part:
    """What one method does: floating-point operations, calls of the model, and the scores that are kept at each."""

    name: str
    operations: float
    n_generated: float = 0.0
    times: float = 1.0


@dataclass(frozen=True)
class Work:
    """Parts of work. Sums with other work and with plain numbers, which are operations of passes; may be multiplied."""

    parts: tuple[Part, ...] = ()

    def __add__(self, other: Work | float) -> Work:
        return Work(self.parts + (other if isinstance(other, Work) else passes(other)).parts)

    __radd__ = __add__

    def __mul__(self, times: float) -> Work:
        return Work(tuple(Part(p.name, p.operations, p.n_generated, p.times * times) for p in self.parts))

    __rmul__ = __mul__


def passes(operations: float) -> Work:
    """Passes of this many operations."""
    return Work((Part(PASSES, operations),)) if operations else Work()


def of_method(name: str, load: Load) -> Work:
    """What a method does to answer a question of this size."""
    return Work((Part(name, METHODS[name].cost(load), load.n_generated),))


def writing(load: Load) -> Work:
    """What a model does to write the output: a pass for the prompt, and one for each token."""
    return Work((Part(WRITING, load.forward / max(1, load.n_generated), times=load.n_generated),))


@dataclass(frozen=True)
class Costs:
    """Seconds = calls · (a call) + targets · (a call per generated token) + operations · (one at full speed) + fixed.

    Coefficients of one method, the same on all models. fixed is in seconds: bookkeeping that no model enters.
    """

    calls: float
    targets: float
    operations: float
    fixed: float

    def seconds(self, part: Part, call: float, speed: float) -> float:
        calls = (self.calls + self.targets * part.n_generated) * call
        return part.times * (calls + self.operations * part.operations / speed + self.fixed)


USUAL = Costs(calls=4.0, targets=0.2, operations=1.0, fixed=0.003)  # for methods that are not in the record


@functools.lru_cache(maxsize=1)
def costs() -> dict[str, Costs]:
    """The coefficients that were fitted, by method."""
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return {name: Costs(*values) for name, values in found.items()}


@dataclass
class Speed:
    """What one model reaches on this machine.

    call: seconds of a pass over a few tokens. operations: floating-point operations per second of a large batch.
    factors: by how much real runs took longer than predicted, by method or by family.
    """

    call: float
    operations: float
    factors: dict[str, float] = field(default_factory=dict)

    def seconds(self, work: Work | float) -> float:
        """How long work takes."""
        parts = (work if isinstance(work, Work) else passes(work)).parts
        return sum(self.factor(part.name) * self.plain(part) for part in parts)

    def plain(self, part: Part) -> float:
        """The same for one part, before anything was learned from runs on this model."""
        bare = Costs(1.0, 0.0, 1.0, 0.0) if part.name in (PASSES, WRITING) else USUAL
        known = costs().get(part.name, bare)
        return known.seconds(part, self.call, self.operations)

    def factor(self, name: str) -> float:
        """What is known of a method here: from its own runs, else from the small question that is most like it."""
        if name in (PASSES, WRITING):
            return 1.0
        family = METHODS[name].family if name in METHODS else ""
        kind = "gradient" if family in ("gradient", "propagation") else "perturbation"
        return self.factors.get(name, self.factors.get(kind, 1.0))

    def learn(self, work: Work, seconds: float) -> None:
        """A run of this work took so long. Only work of a single method teaches something about it."""
        names = {part.name for part in work.parts} - {PASSES, WRITING}
        if len(names) != 1 or seconds <= 0:
            return
        name = names.pop()
        own = sum(self.factor(p.name) * self.plain(p) for p in work.parts if p.name == name)
        rest = self.seconds(work) - own
        ratio = min(BOUNDS[1], max(BOUNDS[0], (seconds - rest) / own)) if seconds > rest else BOUNDS[0]
        known = name in self.factors
        self.factors[name] = self.factor(name) * (ratio**LEARNED if known else ratio)


def calibrated(measured, facts) -> Speed:
    """The speed that follows from what was measured on a model (engine.speed.Measured), with its facts.

    Two small questions of the engine say by how much its gradients and its changed inputs take longer here.
    """
    speed = Speed(measured.call, measured.operations)
    for kind, method, found in (
        ("gradient", "saliency", measured.gradients),
        ("perturbation", "occlusion", measured.variants),
    ):
        if found is not None and kind in costs():
            *sizes, seconds = found
            load = Load(facts, *sizes)
            part = Part(kind, METHODS[method].cost(load), load.n_generated)
            speed.factors[kind] = min(BOUNDS[1], max(BOUNDS[0], seconds / speed.plain(part)))
    return speed


def total(works: Iterable[Work]) -> Work:
    """The sum."""
    return sum(works, Work())
