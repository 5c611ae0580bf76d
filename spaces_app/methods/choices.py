"""Which layers or heads are meant by "all", "3", "-1" or "2-5"."""

from __future__ import annotations

from spaces_app.errors import SpecError


def chosen(text: str, n: int, what: str = "layer") -> tuple[int, ...]:
    """The numbers a choice among `n` things means, counted from 0; negative ones count from the end.

    Raises SpecError, with `what` as its field, for a choice of another form or outside the model.
    """
    text = text.strip()
    if text == "all":
        return tuple(range(n))
    low, dash, high = (text[0] + text[1:].replace("-", " ", 1)).partition(" ") if text else ("", "", "")
    try:
        first = int(low)
        last = int(high) if dash else first
    except ValueError:
        raise SpecError(f"{text!r:.60} is not all, a number, or a range such as 2-5.", field=what) from None
    first, last = (number + n if number < 0 else number for number in (first, last))
    if 0 <= last < first < n:
        raise SpecError(
            f"the range {text!r:.60} is empty: it ends before it begins.", hint=f"Write {last}-{first}.", field=what
        )
    if not 0 <= first <= last < n:
        raise SpecError(f"{text!r:.60} is outside this model, which has {n} of them, 0 to {n - 1}.", field=what)
    return tuple(range(first, last + 1))
