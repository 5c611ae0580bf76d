"""From many scores to few: hidden units, heads, layers, words, sentences, spans; shares; differences. Numpy only.

    from spaces_app import aggregate

    aggregate.words(result)                              # words for words
    aggregate.normalize(aggregate.words(result))         # as shares of each column
    aggregate.preset(result, "inseq")                    # what Inseq shows by default
    aggregate.between(result, (0, 3), (1, 2))            # the score of tokens 0–2 for generated token 1

Functions of one array along its named axes are in `aggregate.axes`.
"""

from spaces_app.aggregate import axes
from spaces_app.aggregate.axes import NORMALIZATIONS, REDUCERS
from spaces_app.aggregate.pairs import aligned, difference, pair, together
from spaces_app.aggregate.presets import PRESETS, STEPS, asked_with, pipeline, preset
from spaces_app.aggregate.results import (
    SPLIT_MODES,
    STEP_REDUCERS,
    UNITS,
    by,
    fold,
    keep,
    magnitude,
    merge,
    normalize,
    rescale,
    sentences,
    spans,
    split,
    weighted,
    words,
)
from spaces_app.results import Result


def between(result: Result, inputs: tuple[int, int], generated: tuple[int, int], how: str = "sum") -> float:
    """The score of input tokens start … stop−1 for generated tokens start … stop−1. NaN where none can exist."""
    return axes.between(result.arrays["attributions"], how, input=inputs, generated=generated)


__all__ = [
    "NORMALIZATIONS",
    "PRESETS",
    "REDUCERS",
    "SPLIT_MODES",
    "STEPS",
    "STEP_REDUCERS",
    "UNITS",
    "aligned",
    "asked_with",
    "axes",
    "between",
    "by",
    "difference",
    "fold",
    "keep",
    "magnitude",
    "merge",
    "normalize",
    "pair",
    "pipeline",
    "preset",
    "rescale",
    "sentences",
    "spans",
    "split",
    "together",
    "weighted",
    "words",
]
