"""The recorded examples: results that ship with the repository and open without a model."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from spaces_app.analyses import KINDS
from spaces_app.results import Result
from spaces_app.spec import Spec

FOLDER = Path(__file__).parents[1] / "bundled" / "gallery"
QUESTIONS = FOLDER / "questions.json"


@dataclass(frozen=True)
class Question:
    """One gallery entry before it is answered: what is asked, how it is introduced, and which phenomena it shows."""

    name: str
    title: str
    question: str
    spec: Spec
    view: str = ""
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """One gallery entry with its recorded result."""

    name: str
    title: str
    question: str
    result: Result
    view: str = ""


def questions() -> list[Question]:
    """The entries of questions.json, in the order they are shown."""
    entries = json.loads(QUESTIONS.read_text(encoding="utf-8")) if QUESTIONS.exists() else []
    return [
        Question(
            name=entry["name"],
            title=entry["title"],
            question=entry["question"],
            spec=KINDS[entry["spec"]["kind"]].from_dict(entry["spec"]),
            view=entry.get("view", ""),
            shows=tuple(entry.get("shows", ())),
        )
        for entry in entries
    ]


@functools.lru_cache
def examples(analysis: str) -> tuple[Example, ...]:
    """The recorded examples of one analysis; those not recorded yet are left out."""
    found = []
    for question in questions():
        path = recorded_path(question.name)
        if question.spec.kind == analysis and path.exists():
            result = Result.from_dict(json.loads(path.read_text(encoding="utf-8")), type(question.spec))
            found.append(Example(question.name, question.title, question.question, result, question.view))
    return tuple(found)


@functools.lru_cache
def recorded() -> dict[str, Result]:
    """Every recorded result, by the digest of its spec."""
    return {example.result.spec.digest(): example.result for kind in KINDS for example in examples(kind)}


def recorded_path(name: str) -> Path:
    """Where the result of a question is kept."""
    return FOLDER / f"{name}.json"


def record(name: str, result: Result) -> Path:
    """Keep `result` as the answer to the question `name`."""
    path = recorded_path(name)
    text = json.dumps(result.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    examples.cache_clear()
    recorded.cache_clear()
    return path


def difference(old: Result, new: Result) -> float:
    """The largest absolute difference between two results' arrays; infinite when tokens or shapes differ."""
    if old.tokens != new.tokens:
        return float("inf")
    return max(differences(old, new).values(), default=0.0)


def differences(old: Result, new: Result) -> dict[str, float]:
    """The largest absolute difference of each array; infinite where labels or empty cells differ, or one is missing."""
    import numpy as np

    found = dict.fromkeys([*old.arrays, *new.arrays], float("inf"))
    for name in old.arrays.keys() & new.arrays.keys():
        one, other = old.arrays[name], new.arrays[name]
        if one.axes == other.axes and np.array_equal(np.isnan(one.values), np.isnan(other.values)):
            found[name] = float(np.nan_to_num(np.abs(one.values - other.values)).max(initial=0.0))
    return found
