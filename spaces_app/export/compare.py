"""Two answers side by side: what was asked differently, and what changed, token by token, on one colour scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spaces_app import aggregate
from spaces_app.errors import NotSupported
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.results import Result

# What of the notes tells two runs apart, as people call it.
_NOTES = {
    "model": "Model",
    "revision": "Revision",
    "dtype": "Number format",
    "device": "Device",
    "method": "Method",
    "target": "Target",
    "baseline": "Baseline",
    "recorded": "Recorded",
}
_PINNED = ("revision", "continuation_ids", "contrast_ids")  # of a spec; the notes and texts say them better


@dataclass(frozen=True)
class Fact:
    """Something in which two answers differ: its name, and what it is in either."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """What changed from the first answer to the second.

    `difference` is a result on the aligned tokens, second − first. `largest` is the largest absolute difference of
    a score; `domain` the largest absolute score on either side, by which both maps and their difference are coloured.
    """

    first: Result
    second: Result
    difference: Result
    facts: tuple[Fact, ...]
    largest: float
    domain: float

    @property
    def sentence(self) -> str:
        """Whether the numbers agree, and where they differ most."""
        if self.first.arrays["attributions"].values.size == 0:
            return "There are no scores to compare."
        if self.largest <= 1e-5 * max(self.domain, 1e-30):
            return "All scores agree to five digits."
        size = np.nan_to_num(np.abs(self.difference.arrays["attributions"].values))
        row, column = np.unravel_index(int(size.argmax()), size.shape)
        generated = [token for token in self.difference.tokens if token.segment == "generated"]
        where = f"‘{self.difference.tokens[row].text.strip()}’ for ‘{generated[column].text.strip()}’"
        return f"The largest difference is {self.largest:.3g}, at {where}; the largest score is {self.domain:.3g}."


def comparison(first: Result, second: Result) -> Comparison:
    """Compare two answers whose numbers are attributions. Tokens are aligned within source, prompt and output by text.

    Raises NotSupported for results without attributions.
    """
    for result in (first, second):
        if tuple(getattr(result.arrays.get("attributions"), "axes", ())) != ("input", "generated"):
            raise NotSupported(f"{result.spec.kind} results cannot be compared.")
    paired = aggregate.pair(first, second)
    found = facts(first, second)
    units = {result.arrays["attributions"].unit for result in (first, second)}
    warnings = ["The two are measured in different units."] if len(units) > 1 else []
    notes = {
        "model": _both(first, second, "model"),
        "revision": first.notes.get("revision", "")
        if first.notes.get("revision") == second.notes.get("revision")
        else "",
        "method": f"Difference ({_both(first, second, 'method')})",
        "target": _both(first, second, "target"),
        "signed": True,
        "warnings": [*warnings, *(f"{fact.name}: {fact.first} → {fact.second}." for fact in found)],
        "pair": [first.text, second.text],
    }
    values = paired.arrays["attributions"].values
    sides = [result.arrays["attributions"].values for result in (first, second)]
    return Comparison(
        first,
        second,
        replace(paired, notes=notes),
        tuple(found),
        largest=float(np.nan_to_num(np.abs(values)).max(initial=0.0)),
        domain=max(float(np.nan_to_num(np.abs(side)).max(initial=0.0)) for side in sides),
    )


def compare(first: Result, second: Result, *, state: str = "") -> dict:
    """Three values of the token heatmap, "first", "second" and "difference", with what differs and one sentence.

    All three carry `domain`, the common end of their colour scales.
    """
    made = comparison(first, second)
    sides = {"first": made.first, "second": made.second, "difference": made.difference}
    return {
        "kind": "comparison",
        **{name: token_heatmap(result, state=state) | {"domain": made.domain} for name, result in sides.items()},
        "facts": [{"name": fact.name, "first": fact.first, "second": fact.second} for fact in made.facts],
        "sentence": made.sentence,
        "largest": made.largest,
        "domain": made.domain,
    }


def panes(first: Result, second: Result, *, state: str = "") -> dict:
    """One value of the token heatmap that shows first, second and second − first on the same tokens and one scale.

    `state` is the view part of a link. What differs is left to `facts`. Raises NotSupported like `comparison`.
    """
    made = comparison(first, second)
    sides = aggregate.aligned(first, second)
    change = replace(made.difference, arrays={"attributions": made.difference.arrays["attributions"]})
    results = {"First": sides[0], "Second": sides[1], "Second − first": change}
    numbers = [np.nan_to_num(np.abs(result.arrays["attributions"].values)) for result in results.values()]
    end = max(float(table.max(initial=0.0)) for table in numbers)
    values = [token_heatmap(result, state=state or "unit:token", domain=(-end, end)) for result in results.values()]
    planes = [
        {name: value[name] for name in ("target", "unit", "signed", "scores", "domain")}
        | {"method": label, "about": value["method"], "checks": []}
        for label, value in zip(results, values, strict=True)
    ]
    return values[-1] | {"planes": planes, "ranked": False, "badges": [], "notes": []}


def facts(first: Result, second: Result) -> list[Fact]:
    """In what two answers differ beside their numbers: options, model, revision, library versions, text."""
    found = [
        Fact(label, _plain(first.notes.get(name)), _plain(second.notes.get(name)))
        for name, label in _NOTES.items()
        if first.notes.get(name) != second.notes.get(name)
    ]
    versions = [result.notes.get("versions") or {} for result in (first, second)]
    for name in sorted({*versions[0], *versions[1]}):
        if versions[0].get(name) != versions[1].get(name):
            found.append(Fact(name, _plain(versions[0].get(name)), _plain(versions[1].get(name))))
    asked = [result.spec.to_dict() for result in (first, second)]
    said = {fact.name.lower() for fact in found}
    for name in dict.fromkeys([*asked[0], *asked[1]]):
        one, other = asked[0].get(name), asked[1].get(name)
        if one != other and name not in _PINNED and name.replace("_", " ") not in said:
            found.append(Fact(name.replace("_", " ").capitalize(), _plain(one), _plain(other)))
    if first.text != second.text:
        found.append(Fact("Output", first.text.strip(), second.text.strip()))
    return found


def _both(first: Result, second: Result, name: str) -> str:
    one, other = (_plain(result.notes.get(name)) for result in (first, second))
    return one if one == other else f"{one} → {other}"


def _plain(value: object) -> str:
    return "–" if value in (None, "", []) else str(value)
