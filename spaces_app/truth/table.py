"""The recorded truth table: made, kept, read, and put in order for README. Imports torch only to measure."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spaces_app.methods import METHODS

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


RECORD = Path(__file__).parent.parent / "bundled" / "truth.json"
FEWEST = 8  # questions; a phenomenon with fewer says nothing
SLOW_SECONDS, SLOW_SHARE = 0.08, 0.4  # a method slower than this, per question, answers this share of them


def read() -> dict:
    """The table as it was recorded: {"models": {id: {"revision", "phenomena": {kind: …}, "methods": {name: …}}}}."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def measure(models: dict, methods: Iterable[str], n: int, *, told: Callable[[str], None] = print) -> dict:
    """The table of some methods. models: {id: LoadedModel}."""
    return {"models": {name: _of_model(name, lm, list(methods), n, told) for name, lm in models.items()}}


def merge(old: dict, new: dict) -> dict:
    """The old table with the new one's entries; methods that are gone are left out, and all where questions changed."""
    merged = {}
    for name, model in new["models"].items():
        before = old.get("models", {}).get(name, {})
        same = all(before.get(key) == model[key] for key in ("revision", "phenomena"))
        methods = (before["methods"] if same else {}) | model["methods"]
        merged[name] = model | {"methods": {method: methods[method] for method in METHODS if method in methods}}
    return {"models": merged}


def write(table: dict) -> None:
    """Keep a table."""
    text = json.dumps(table, indent=1, ensure_ascii=False)
    # Lists of numbers stand on one line.
    text = re.sub(r"\[[\d\s,\[\]]*\]", lambda found: "".join(found.group().split()), text)
    RECORD.write_text(text + "\n", encoding="utf-8")


def _of_model(name: str, lm: LoadedModel, methods: list[str], n: int, told: Callable[[str], None]) -> dict:
    from spaces_app.truth import measure as measuring
    from spaces_app.truth.questions import kinds, questions

    asked = {kind: list(questions(lm, kind, n)) for kind in kinds(name)}
    asked = {kind: found for kind, found in asked.items() if len(found) >= FEWEST}
    phenomena = {
        kind: {
            "chance": round(sum(q.chance for q in found) / len(found), 4),
            "examples": [q.index for q in found],
            "decisive": [list(q.decisive) for q in found],
        }
        for kind, found in asked.items()
    }
    measured: dict[str, dict] = {}
    for method in methods:
        if METHODS[method].refuse(lm):
            continue
        began = time.perf_counter()
        measured[method] = {}
        for target in measuring.targets_of(method):
            measured[method][target] = {}
            for kind, found in asked.items():
                some = found[: _share(lm, found, method, target)]
                hits = [bool(hit) for hit in measuring.hits(lm, some, method, target)]
                measured[method][target][kind] = "".join("01"[hit] for hit in hits)
        told(
            f"{name} {method}: {mean(measured[method], 'contrast') or mean(measured[method], 'plain'):.2f} in"
            f" {time.perf_counter() - began:.0f} s"
        )
    return {"revision": lm.revision, "phenomena": phenomena, "methods": measured}


def _share(lm: LoadedModel, found: list, method: str, target: str) -> int:
    from spaces_app.truth import measure as measuring

    began = time.perf_counter()
    measuring.scores(lm, found[0], method, target)
    slow = time.perf_counter() - began > SLOW_SECONDS
    return max(FEWEST, round(len(found) * SLOW_SHARE)) if slow else len(found)


def share(hits: str) -> float:
    """The share of questions whose top-ranked word decides."""
    return hits.count("1") / len(hits)


def mean(method: dict, target: str) -> float | None:
    """A method's mean share over the phenomena; None where it cannot be asked for the target."""
    kinds = method.get(target)
    return sum(map(share, kinds.values())) / len(kinds) if kinds else None
