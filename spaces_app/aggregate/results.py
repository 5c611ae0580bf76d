"""Results over words, sentences, spans, layers and heads, made from results over tokens.

All functions give a new Result whose attributions are input × generated, so that everything that takes a result takes
theirs. What was done stands in notes["aggregated"], a list of sentences' parts, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from spaces_app.aggregate import axes as along
from spaces_app.arrays import NamedArray
from spaces_app.errors import SpecError
from spaces_app.results import Result
from spaces_app.tokens import Token, sentence_ids, word_ids

SPLIT_MODES = ("single", "start", "end")
UNITS = ("token", "word", "sentence")
MERGED = -1  # the id of a token that stands for several

# How a number on each of several tokens becomes one: probabilities multiply, nats and bits add up. Others: the mean.
STEP_REDUCERS = {
    "probability": "prod",
    "contrast_prob": "prod",
    "perplexity": "prod",
    **dict.fromkeys(("log_probability", "entropy", "crossentropy", "contrast_logprob_diff", "pcxmi"), "sum"),
    **dict.fromkeys(("in_context_pvi", "kl_divergence", "kl_divergence_reverse"), "sum"),
}


def words(result: Result, how: str = "sum") -> Result:
    """Scores of words for words. Words are found in the text (tokens.word_ids), so any tokenizer will do.

    The default, the sum, keeps completeness: a word's scores add up to the sum of its tokens' targets.
    """
    return merge(result, word_ids(result.tokens), how, unit="word")


def sentences(result: Result, how: str = "sum") -> Result:
    """Scores of sentences for sentences (tokens.sentence_ids)."""
    return merge(result, sentence_ids(result.tokens), how, unit="sentence")


def by(result: Result, unit: str, how: str = "sum") -> Result:
    """Scores by token, word or sentence. Raises SpecError for another unit."""
    if unit not in UNITS:
        raise SpecError(f"{unit!r:.60} is not one of {', '.join(UNITS)}.", field="unit")
    return {"token": lambda result, _: result, "word": words, "sentence": sentences}[unit](result, how)


def split(result: Result, pattern: str, *, mode: str = "single", how: str = "sum") -> Result:
    """Scores of the stretches between matches of a regular expression, which is searched in each segment's text.

    A token belongs to a match when any of its characters does. mode: what is matched stands alone ("single"), begins
    what follows ("start"), or ends what precedes ("end"). A stretch never reaches over a segment's end; a segment
    without a match keeps its tokens.
    """
    if mode not in SPLIT_MODES:
        raise SpecError(f"{mode!r:.60} is not one of {', '.join(SPLIT_MODES)}.", field="mode")
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise SpecError(f"{pattern!r:.60} is not a regular expression: {error}.", field="pattern") from None
    numbers: list[int] = []
    for segment in ("source", "prompt", "generated"):
        tokens = [token for token in result.tokens if token.segment == segment]
        first = numbers[-1] + 1 if numbers else 0
        numbers += [first + number for number in _stretches(tokens, found, mode)]
    return merge(result, numbers, how, unit=f"split at {pattern!r}")


def spans(result: Result, *ranges: tuple[int, int], how: str = "absmax") -> Result:
    """The tokens from start up to stop of each range made one; the others stay. Raises SpecError where ranges meet."""
    numbers, last = list(range(len(result.tokens))), 0
    for start, stop in ranges:
        if not last <= start < stop <= len(numbers):
            raise SpecError(f"({start}, {stop}) is empty, out of order or beyond the tokens.", field="spans")
        numbers[start:stop], last = [start] * (stop - start), stop
    return merge(result, numbers, how, unit="span")


def merge(result: Result, groups: Sequence[int], how: str = "sum", *, unit: str = "group") -> Result:
    """Neighbouring tokens with the same number made one, as input and as output. groups: one number per token.

    Cells that cannot exist are left out. A word's own first tokens explain its later ones, so the cell of a word for
    itself may hold a score. Step scores are merged as STEP_REDUCERS says. SpecError for a group over two segments.
    """
    runs = along.runs_of(groups)
    tokens = tuple(_joined(result.tokens[start:stop]) for start, stop in runs)
    generated = [groups[i] for i, token in enumerate(result.tokens) if token.segment == "generated"]
    arrays = {}
    for name, array in result.arrays.items():
        if name == "step_scores":
            arrays[name] = _merged_steps(array, generated)
            continue
        if "generated" in array.axes:  # outputs first, then inputs
            array = along.merge(array, "generated", generated, how)
        arrays[name] = along.merge(array, "input", groups, how) if "input" in array.axes else array
    return _noted(replace(result, tokens=tokens, arrays=arrays), f"{unit}: {how}")


def normalize(result: Result, how: str = "column") -> Result:
    """Attributions as shares of their column, of the whole map, or as they are."""
    return _on_scores(result, lambda array: along.normalize(array, how), f"normalized: {how}")


def rescale(result: Result) -> Result:
    """Attributions divided by the largest magnitude in the map."""
    return _on_scores(result, along.rescale, "rescaled")


def magnitude(result: Result) -> Result:
    """Attributions without their signs."""
    changed = _on_scores(result, lambda a: NamedArray(np.abs(a.values), a.axes, a.unit), "magnitude")
    return replace(changed, notes=changed.notes | {"signed": False})


def fold(result: Result, name: str, **axes: along.Pick) -> Result:
    """Attributions made from a finer array of the result: `fold(result, "layer_attributions", layer="mean")`.

    Each leading axis takes the name of a reduction or a position (or range or list of positions, then averaged).
    Raises SpecError when the array or the axis is not there, or axes beside input and generated are left.
    """
    if name not in result.arrays:
        raise SpecError(f"{name!r:.60} is not one of {', '.join(result.arrays)}.", field="name")
    array = along.fold(result.arrays[name], **axes)
    for axis, how in axes.items():
        if axis in array.axes and not isinstance(how, str):
            array = along.reduce(array, axis, "mean")
    if tuple(array.axes) != ("input", "generated"):
        raise SpecError(f"axes {', '.join(array.axes)} are left; name each but input and generated.", field="axes")
    arrays = result.arrays | {"attributions": array}
    return _noted(replace(result, arrays=arrays), f"{name}: " + ", ".join(f"{k}={v}" for k, v in axes.items()))


def weighted(result: Result, step_function: str) -> Result:
    """Each column times the step score of its token, so that sure and unsure tokens weigh differently."""
    steps = result.arrays["step_scores"]
    if step_function not in steps.axes["step_function"]:
        known = ", ".join(steps.axes["step_function"])
        raise SpecError(f"{step_function!r:.60} is not one of {known}.", field="step_function")
    by_column = steps.select(step_function=step_function).values
    weigh = lambda array: NamedArray(array.values * by_column, array.axes, f"{array.unit} × {step_function}")  # noqa: E731
    return _on_scores(result, weigh, f"weighted by {step_function}")


def keep(result: Result, *ranges: tuple[int, int]) -> Result:
    """Only the inputs in these ranges of tokens; generated tokens always stay, so that every column has its scores."""
    kept = [any(start <= i < stop for start, stop in ranges) for i in range(len(result.tokens))]
    rows = [i for i, token in enumerate(result.tokens) if kept[i] or token.segment == "generated"]
    arrays = {
        name: along.pick(array, "input", rows) if "input" in array.axes else array
        for name, array in result.arrays.items()
    }
    arrays = {name: _counted_anew(array) for name, array in arrays.items()}
    return _noted(replace(result, tokens=tuple(result.tokens[i] for i in rows), arrays=arrays), "sliced")


def _counted_anew(array: NamedArray) -> NamedArray:
    if "input" not in array.axes:
        return array
    return NamedArray(array.values, array.axes | {"input": tuple(range(len(array.axes["input"])))}, array.unit)


def _merged_steps(array: NamedArray, generated: list[int]) -> NamedArray:
    names = array.axes["step_function"]
    rows = [
        along.merge(array.select(step_function=n), "generated", generated, STEP_REDUCERS.get(n, "mean")) for n in names
    ]
    values = np.stack([row.values for row in rows]) if rows else np.zeros((0, len(along.runs_of(generated))))
    return NamedArray(values, {"step_function": names, "generated": tuple(range(values.shape[1]))}, array.unit)


def _joined(tokens: Sequence[Token]) -> Token:
    first = tokens[0]
    if len({token.segment for token in tokens}) > 1:
        raise SpecError("a group may not reach over the end of a segment.", field="groups")
    if len(tokens) == 1:
        return first
    text = "".join(token.text for token in tokens)
    return Token(MERGED, text, first.segment, all(token.special for token in tokens))


def _stretches(tokens: Sequence[Token], pattern: re.Pattern, mode: str) -> list[int]:
    """A number for each token, rising by one at each cut."""
    starts = np.cumsum([0, *(len(token.text) for token in tokens)]).tolist()
    text = "".join(token.text for token in tokens)
    matched: list[int | None] = [None] * len(tokens)  # the match that a token belongs to: the first that touches it
    for number, match in enumerate(pattern.finditer(text)):
        for i in range(len(tokens)):
            if starts[i] < match.end() and match.start() < starts[i + 1] and matched[i] is None:
                matched[i] = number
    if all(number is None for number in matched):
        return list(range(len(tokens)))
    numbers, current = [], 0
    for i in range(len(tokens)):
        if i and matched[i] != matched[i - 1]:
            begins, ends = matched[i] is not None, matched[i - 1] is not None
            current += {"single": True, "start": begins, "end": ends}[mode]
        numbers.append(current)
    return numbers


def _on_scores(result: Result, change: Callable[[NamedArray], NamedArray], what: str) -> Result:
    arrays = result.arrays | {"attributions": change(result.arrays["attributions"])}
    return _noted(replace(result, arrays=arrays), what)


def _noted(result: Result, what: str) -> Result:
    return replace(result, notes=result.notes | {"aggregated": [*result.notes.get("aggregated", ()), what]})
