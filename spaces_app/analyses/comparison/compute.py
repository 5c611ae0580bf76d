"""The answer to a ComparisonSpec: every method on exactly the same output, and how alike they are. Runs in a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaces_app.analyses.attribution import compute as attribution_compute
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.analyses.shared.agreement import agreements
from spaces_app.arrays import NamedArray
from spaces_app.errors import NotSupported
from spaces_app.methods import METHODS
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


OWN = ("method", "signed", "aggregation", "target", "unit", "baseline", "convergence_gap", "checks", "seconds")


def compute(spec: ComparisonSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """Arrays "attributions" (method, input, generated), "step_scores" and "agreement" (method, other).

    A method that cannot explain this model or target is left out, with its reason in notes["refused"]. Raises what an
    attribution raises, and NotSupported when fewer than two methods are left.
    """
    results: list[Result] = []
    refused: dict[str, str] = {}
    parts = spec.parts()
    for number, part in enumerate(parts):
        label = METHODS[part.method].label

        def told(done: int, total: int, what: str, number: int = number, label: str = label) -> None:
            tick(done, total, f"{label}, {number + 1} of {len(parts)}: {what}")

        if results:  # what the first one wrote, or was compared with, all others explain
            head = _asked(results[0])
            part = part.replace(continuation_ids=head.continuation_ids, contrast_ids=head.contrast_ids)
        try:
            results.append(attribution_compute.compute(part, lm, told, settings))
        except NotSupported as error:
            refused[part.method] = str(error)
    if len(results) < 2:
        reasons = " ".join(f"{METHODS[name].label}: {reason}" for name, reason in refused.items())
        raise NotSupported(f"fewer than two of these methods can explain this. {reasons}", field="methods")
    return _together(spec, results, refused)


def _together(spec: ComparisonSpec, results: list[Result], refused: dict[str, str]) -> Result:
    head = results[0]
    asked = [_asked(result) for result in results]
    names = tuple(one.method for one in asked)
    units = {result.notes["unit"] for result in results}
    axes = {"method": names} | head.arrays["attributions"].axes
    scores = np.stack([result.arrays["attributions"].values for result in results])  # (methods, N, G)
    steps = max((result.arrays["step_scores"] for result in results), key=lambda array: len(array.values))
    pinned = {name: getattr(head.spec, name) for name in ("revision", "continuation_ids")}
    contrast_ids = next((one.contrast_ids for one in asked if one.contrast_ids), ())
    shared = {name: value for name, value in head.notes.items() if name not in OWN}
    contrast = next((r.notes["contrast"] for r in results if "contrast" in r.notes), None)
    beside = {name: array for name, array in head.arrays.items() if name.startswith("alternative")}
    seconds = {"generate": head.notes["seconds"]["generate"]}
    seconds["attribute"] = round(sum(result.notes["seconds"]["attribute"] for result in results), 3)
    return Result(
        spec=spec.replace(**pinned, contrast_ids=contrast_ids),
        tokens=head.tokens,
        arrays={
            "attributions": NamedArray(scores, axes, units.pop() if len(units) == 1 else ""),
            "step_scores": steps,
            "agreement": agreements(results),
        }
        | beside,
        notes=shared
        | ({"contrast": contrast} if contrast else {})
        | {
            "seconds": seconds,
            "warnings": _warnings(results),
            "refused": refused,
            "methods": {
                name: {key: r.notes[key] for key in OWN if key in r.notes}
                for name, r in zip(names, results, strict=True)
            },
        },
    )


def _asked(result: Result) -> AttributionSpec:
    assert isinstance(result.spec, AttributionSpec)
    return result.spec


def _warnings(results: list[Result]) -> list[str]:
    """Every warning once; those that are not about all methods name theirs."""
    common = set.intersection(*(set(result.notes["warnings"]) for result in results))
    found = [
        sentence if sentence in common else f"{result.notes['method']}: {sentence}"
        for result in results
        for sentence in result.notes["warnings"]
    ]
    return list(dict.fromkeys(found))
