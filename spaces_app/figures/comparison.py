"""A comparison as the plain JSON that the TokenHeatmap component draws: several maps of the same tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spaces_app.analyses.comparison.spec import compared, single
from spaces_app.figures import packing, token_heatmap
from spaces_app.figures.terminal import maps
from spaces_app.figures.token_heatmap import badges, checks
from spaces_app.methods import METHODS
from spaces_app.results import Result


def comparison(result: Result, *, state: str = "", origin: str = "", domain: Sequence[float] = ()) -> dict:
    """The component's value for a result of the comparison: that of the first method, with `planes`, one for each.

    `domain` fixes one colour scale for all of them, which makes sense where their units are the same.
    `agreement` is the mean rank correlation of every two, in the order of the planes, None where there is none.
    """
    names = compared(result)
    results = [single(result, name) for name in names]
    values = [token_heatmap.token_heatmap(one, state=state, origin=origin, domain=domain) for one in results]
    agreement = result.arrays["agreement"].values
    refused = [f"{_label(name)} is left out: {why}" for name, why in result.notes.get("refused", {}).items()]
    shared = [badge for badge in badges(result, origin) if badge["label"] not in ("Method", "Target")]
    return values[0] | {
        "parts": [],
        "planes": [
            {name: value[name] for name in ("method", "target", "unit", "signed", "scores")}
            | {"about": METHODS[method].description if method in METHODS else "", "checks": checks(one.notes)}
            for method, one, value in zip(names, results, values, strict=True)
        ],
        "agreement": [packing.plain(row) for row in agreement],
        "notes": packing.sentences(result.notes) + refused,
        "badges": shared,
    }


def _label(name: str) -> str:
    return METHODS[name].label if name in METHODS else name


FIGURE = replace(token_heatmap.FIGURE, value=comparison, table=maps.comparison_table)
