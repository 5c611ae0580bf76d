"""How long a question takes: the terms of its cost, and what they take on one model and machine. Imports no torch.

A method says how many floating-point operations it does (Method.cost). Small models spend their time on calls instead,
and no two methods reach the same speed; so a few coefficients per method, the same for all models, were fitted to
measured runs (benchmarks/prediction.py), and what a pass costs is measured when a model is first used.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from spaces_app.methods import METHODS, CostInputs

RECORD = Path(__file__).parent.parent / "bundled" / "costs.json"
PASSES, WRITING = "passes", "writing"  # names of terms that belong to no method
OVERHEAD = 0.006  # seconds of a call that grow with tokens; reading weights, most of a longer call, does not
LEARNED = 0.5  # how far a finished run moves what is expected of its method on this model, as a power
SHARED = 0.2  # how far it moves what is expected of every method: machines that others share change their pace
NOTICED = 0.5  # how far what calls take at the moment moves what is expected, as a power
LARGE = 2.0  # times more or less than expected
BOUNDS = (0.2, 5.0)  # a run further off than this was disturbed


@dataclass(frozen=True)
class CostTerm:
    """What one method does: floating-point operations, over how many tokens, and how often it goes over them.

    rounds: points of a path, or samples; 0 for methods that have neither. times: how often all of it is done.
    """

    name: str
    operations: float
    n_inputs: int = 0
    n_generated: int = 0
    rounds: int = 0
    times: float = 1.0


@dataclass(frozen=True)
class Cost:
    """A sum of terms. Adds to other costs and to plain numbers, which are operations of passes; may be multiplied."""

    terms: tuple[CostTerm, ...] = ()

    def __add__(self, other: Cost | float) -> Cost:
        return Cost(self.terms + (other if isinstance(other, Cost) else passes(other)).terms)

    __radd__ = __add__

    def __mul__(self, times: float) -> Cost:
        return Cost(tuple(dataclasses.replace(term, times=term.times * times) for term in self.terms))

    __rmul__ = __mul__


def passes(operations: float) -> Cost:
    """Passes of this many operations."""
    return Cost((CostTerm(PASSES, operations),)) if operations else Cost()


def of_method(name: str, inputs: CostInputs) -> Cost:
    """What a method does to answer a question of this size."""
    method = METHODS[name]
    counts = [inputs.own[name] if name in inputs.own else getattr(inputs, name) for name in method.rounds()]
    rounds = math.prod(counts) if counts else 0
    return Cost((CostTerm(name, method.cost(inputs), inputs.n_source + inputs.n_decoder, inputs.n_generated, rounds),))


def writing(inputs: CostInputs) -> Cost:
    """What a model does to write the output: a pass for the prompt, and one for each token."""
    return Cost((CostTerm(WRITING, inputs.forward / max(1, inputs.n_generated), times=inputs.n_generated),))


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of one method, the same on all models.

    calls: calls of the model. operations: of full speed. fixed: seconds. The others are of a call's overhead (see
    OVERHEAD): once, per input, per target, per cell (input and target), and per square (cell and input, as where every
    input has a path of its own); and each of these per round.
    """

    calls: float
    operations: float
    fixed: float
    overhead: float = 0.0
    inputs: float = 0.0
    targets: float = 0.0
    cells: float = 0.0
    squares: float = 0.0
    rounds_overhead: float = 0.0
    rounds_inputs: float = 0.0
    rounds_targets: float = 0.0
    rounds_cells: float = 0.0
    rounds_squares: float = 0.0

    def seconds(self, term: CostTerm, call: float, speed: float) -> float:
        factors = factors_of(term, call, speed)
        return term.times * sum(getattr(self, name) * factor for name, factor in factors.items())


def factors_of(term: CostTerm, call: float, speed: float) -> dict[str, float]:
    """What each coefficient is multiplied with, in seconds, where `call` is one of the model's passes over a few tokens
    and `speed` its floating-point operations per second."""
    n, g, r, overhead = term.n_inputs, term.n_generated, term.rounds, min(call, OVERHEAD)
    sizes = {"overhead": 1, "inputs": n, "targets": g, "cells": n * g, "squares": n * n * g}
    factors = {"calls": call, "operations": term.operations / speed, "fixed": 1.0}
    factors |= {name: size * overhead for name, size in sizes.items()}
    return factors | {f"rounds_{name}": r * size * overhead for name, size in sizes.items()}


USUAL = Coefficients(calls=4.0, operations=1.0, fixed=0.003, targets=0.2)  # for methods that are not in the record


@functools.lru_cache(maxsize=1)
def costs() -> dict[str, Coefficients]:
    """The coefficients that were fitted, by method."""
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return {name: Coefficients(**values) for name, values in found.items()}


@dataclass
class Speed:
    """What one model reaches on this machine.

    call: seconds of a pass over a few tokens. operations: floating-point operations per second of a large batch.
    pace: by how much runs took longer than predicted lately. factors: and those of a method longer than others.
    now: by how much longer than usual things are expected to take at the moment.
    """

    call: float
    operations: float
    factors: dict[str, float] = field(default_factory=dict)
    pace: float = 1.0
    now: float = 1.0

    def notice(self, call: float) -> None:
        """A pass over a few tokens takes so many seconds at the moment, which a question may or may not outlast."""
        self.now = min(LARGE, max(1 / LARGE, (call / self.call) ** NOTICED))

    def seconds(self, cost: Cost | float) -> float:
        """How long it takes."""
        terms = (cost if isinstance(cost, Cost) else passes(cost)).terms
        return sum(self._expected(term) for term in terms)

    def unlearned(self, term: CostTerm) -> float:
        """The same for one term, before anything was learned from runs on this model."""
        bare = Coefficients(calls=1.0, operations=1.0, fixed=0.0) if term.name in (PASSES, WRITING) else USUAL
        known = costs().get(term.name, bare)
        return known.seconds(term, self.call, self.operations)

    def learn(self, cost: Cost, seconds: float) -> None:
        """A run of this cost took so long. Only the cost of a single method teaches something about it.

        Part of a deviation belongs to the question: the next one is expected halfway. Part belongs to the machine,
        and moves every method. One so large that it can only be the method's on this model moves that one wholly.
        """
        names = {term.name for term in cost.terms} - {PASSES, WRITING}
        if len(names) != 1 or seconds <= 0:
            return
        name = names.pop()
        own = sum(self._expected(term) for term in cost.terms if term.name == name)
        rest = self.seconds(cost) - own
        ratio = min(BOUNDS[1], max(BOUNDS[0], (seconds - rest) / own)) if seconds > rest else BOUNDS[0]
        if 1 / LARGE < ratio < LARGE:
            self.pace *= ratio**SHARED
            ratio **= LEARNED - SHARED
        self.factors[name] = self.factors.get(name, 1.0) * ratio

    def _expected(self, term: CostTerm) -> float:
        return self.now * self.pace * self.factors.get(term.name, 1.0) * self.unlearned(term)


def total(several: Iterable[Cost]) -> Cost:
    """The sum."""
    return sum(several, Cost())
