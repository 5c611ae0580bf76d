"""What page and terminal tell of factors: which ones other random starts find too, and where each is strongest."""

from __future__ import annotations

import numpy as np

from spaces_app.results import Result

SAME = 0.8  # of a factor's stability: from here on other starts count as having found it


def found_again(notes: dict) -> str:
    """What the stability means: which factors other random starts find too. "" where it was not measured."""
    if notes["stability"] is None:
        return ""
    loose = [factor["number"] for factor in notes["factors"] if factor["stability"] < SAME]
    if not loose:
        return "Three random starts find the same factors: another search would hardly have told another story."
    n, those = len(notes["factors"]), "those" if len(loose) > 1 else "that one"
    if len(loose) == n:
        return "Random starts find other factors: so many cannot be told apart along this text. Fewer may be steadier."
    *first, last = map(str, loose)
    which = f"{len(loose)} of the {n} factors" if len(loose) > 8 else f"factor {last}"
    if 1 < len(loose) <= 8:
        which = f"factors {', '.join(first)} and {last}"
    return (
        f"Random starts find the other factors too, but {which} only in part: rely less on {those}, or ask for "
        "another number of factors."
    )


def strongest(result: Result, factor: int, count: int) -> list[int]:
    """The tokens at which a factor, counted from 0, is most active, strongest first."""
    values = np.nan_to_num(result.arrays["factors"].values[factor])
    return [int(i) for i in np.argsort(-values, kind="stable")[:count] if values[i] > 0]
