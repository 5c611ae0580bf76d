"""Named ways from raw scores to what is read: a preset says what to ask for and what is then done with the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from spaces_app.aggregate import results
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS
from spaces_app.results import Result
from spaces_app.spec import Spec

# Step by name, as pipeline() takes them. Reductions go after a colon: "word:absmax".
STEPS: dict[str, Callable] = {
    "word": results.words,
    "sentence": results.sentences,
    "column": lambda result: results.normalize(result, "column"),
    "whole": lambda result: results.normalize(result, "whole"),
    "rescale": results.rescale,
    "magnitude": results.magnitude,
}


@dataclass(frozen=True)
class Preset:
    """options: fields of the AttributionSpec to ask with. steps(result) → the names of what is done then."""

    name: str
    label: str
    options: dict = field(default_factory=dict)
    steps: Callable[[Result], Sequence[str]] = lambda _: ()


def pipeline(result: Result, *steps: str | Callable[[Result], Result]) -> Result:
    """One step after the other, by name or as functions: `pipeline(result, "column", "word:absmax")`."""
    for step in steps:
        if callable(step):
            result = step(result)
            continue
        name, _, how = step.partition(":")
        if name not in STEPS:
            raise SpecError(f"{name!r:.60} is not one of {', '.join(STEPS)}.", field="steps")
        result = STEPS[name](result, how) if how else STEPS[name](result)
    return result


def _as_inseq(result: Result) -> list[str]:
    """Inseq's default for the kind of method: occlusion's magnitudes as they are, everything else as column shares.

    Its gradient methods take the L2 norm over hidden units first, which is the engine's to do.
    """
    name = result.spec.to_dict()["method"]
    method = METHODS[name]
    if "aggregation" in method.options and result.notes.get("aggregation") != "l2":
        raise SpecError(
            "Inseq's default is the L2 norm of hidden units.", hint="Ask with aggregation='l2'.", field="aggregation"
        )
    return ["magnitude"] if name == "occlusion" else ["column"]


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("raw", "Scores as the method gives them."),
        Preset("shares", "Shares of each column, words for words.", steps=lambda _: ("word", "column")),
        Preset(
            "inseq",
            "What Inseq shows by default: L2 norm over hidden units, then shares of each column.",
            {"aggregation": "l2", "baseline": "unk"},
            _as_inseq,
        ),
        Preset(
            "inseq_words",
            "The same, then the share of largest magnitude for each word, as Inseq's subword aggregator takes it.",
            {"aggregation": "l2", "baseline": "unk"},
            lambda result: [*_as_inseq(result), "word:absmax"],
        ),
    )
}


def preset(result: Result, name: str) -> Result:
    """The result as a preset shows it. Raises SpecError for an unknown one, or a result asked otherwise."""
    return pipeline(result, *_preset(name).steps(result))


def asked_with(spec: Spec, name: str) -> Spec:
    """The spec with a preset's options. Raises SpecError for an unknown preset."""
    return spec.replace(**_preset(name).options)


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise SpecError(f"{name!r:.60} is not one of {', '.join(PRESETS)}.", field="preset")
    return PRESETS[name]
