"""Examples and how they are drawn: templates, even draws, the hold-out."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HELD_OUT_PERCENT = 12


@dataclass(frozen=True)
class Example:
    """One document of the grammar, cut where the interesting word begins.

    prompt + target + completion is the whole English document. For translation the prompt is the source sentence
    and prefix + target + completion its translation, so `prefix` is what a test forces before it asks for the target.

    decisive: the words of the prompt that decide the target. context: the leading part of the prompt that can be
    left out ("" when there is none). foil: the word that would stand there, had the decisive words been others.
    planted: the probability of the target given the prompt, by construction; 1.0 when the prompt decides it.
    key: what is held out together; two examples with the same key are both training or both test.
    """

    kind: str
    prompt: str
    target: str
    completion: str
    foil: str
    decisive: tuple[str, ...]
    key: tuple[str, ...]
    context: str = ""
    prefix: str = ""
    planted: float = 1.0

    @property
    def document(self) -> str:
        """The whole English document."""
        return self.prompt + self.target + self.completion

    @property
    def translation(self) -> str:
        """The whole French side."""
        return self.prefix + self.target + self.completion


class Draws:
    """Draws that come out even: after n draws of probability p, the count is n·p rounded, not a coin's n·p ± √n.

    With coin flips a profession seen 300 times would be off its planted probability by 3 % on average. One counter per
    name, starting at one half so that p and 1 − p mirror each other.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], float] = {}

    def chance(self, name: tuple[str, ...], probability: float) -> bool:
        """True with exactly this frequency over the draws made under this name."""
        total = self._sums.get(name, 0.5) + probability
        hit = total >= 1.0
        self._sums[name] = total - 1.0 if hit else total
        return hit


Maker = Callable[[random.Random, Draws], Example]


@dataclass(frozen=True)
class Phenomenon:
    """One kind of document: its share of the corpus, how to make one, what a guess would score, and what it is.

    chance: accuracy of guessing uniformly among the words that can stand at the target.
    figure: how it is measured: "exact" (the target is the most probable), "pair" (more probable than the foil) or
    "planted" (its probability is compared with the planted one).
    origin: "real" (facts about the world), "planted" (arbitrary, set by us) or "language" (a rule of a language or
    format).
    """

    name: str
    weight: float
    make: Maker
    chance: float
    figure: str
    origin: str
    description: str


@dataclass
class Sampler:
    """Draws training examples from a table of phenomena: by weight, never a held-out one, decided by the seed."""

    phenomena: dict[str, Phenomenon]
    seed: int
    draws: Draws = field(default_factory=Draws)

    def __iter__(self) -> Iterator[Example]:
        rng = random.Random(self.seed)
        names = list(self.phenomena)
        weights = [self.phenomena[name].weight for name in names]
        while True:
            make = self.phenomena[rng.choices(names, weights)[0]].make
            example = make(rng, self.draws)
            while held_out(example.key):
                example = make(rng, self.draws)
            yield example


def held_out(key: tuple[str, ...]) -> bool:
    """Whether this combination is kept for testing; md5, so it is the same on every machine and Python."""
    digest = hashlib.md5("|".join(key).encode(), usedforsecurity=False).hexdigest()
    return int(digest, 16) % 100 < HELD_OUT_PERCENT


def collect(phenomenon: Phenomenon, n: int, *, test: bool = True, seed: int = 0) -> list[Example]:
    """Up to n different examples of one kind, held-out ones or (test=False) training ones; fewer when fewer exist."""
    rng = random.Random(f"{phenomenon.name}|{seed}|{test}")
    draws = Draws()
    found: dict[tuple[str, str], Example] = {}
    for _ in range(400 * n):
        example = phenomenon.make(rng, draws)
        if held_out(example.key) == test:
            found.setdefault((example.prompt, example.prefix), example)
        if len(found) == n:
            break
    return list(found.values())


def cut(template: str, **words: str) -> tuple[str, str, str]:
    """Fill a template "before| target|after" and cut it at the bars: (before, target, after)."""
    before, target, after = template.format(**words).split("|")
    return before, target, after


def other(rng: random.Random, choices: tuple[str, ...] | list[str], *taken: str) -> str:
    """A choice that is none of the taken ones."""
    return rng.choice([choice for choice in choices if choice not in taken])
