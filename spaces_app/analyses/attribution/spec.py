"""Which input tokens moved each generated token? The question; the answer is computed in a lane."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spaces_app.analyses.shared.fields import GenerationFields
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS
from spaces_app.methods.uses import UsesMethod
from spaces_app.spec import option
from spaces_app.step_functions import CONTRAST, STEP_FUNCTIONS, StepFunction

CONTEXTS = ("auto", "same", "own")
_PAIR = re.compile(r"\s*(\d{1,5})\s*[-:]\s*(\d{1,5})\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class AttributionSpec(UsesMethod, GenerationFields):
    """Explain every token a model writes (or is made to write) after a prompt, by what came before it."""

    kind = "attribution"
    version = 1

    attribute_prefix: bool = option(
        True,
        "Explain by the output written so far as well as by the input.",
        label="Include the output so far",
        group="method",
    )
    contrast: str = option(
        "",
        "For contrastive targets: the output it is compared with.",
        label="Instead of the output",
        max_chars=20_000,
        group="contrast",
    )
    contrast_ids: tuple = option((), "Exact ids of the other output.", max_chars=1024, group="hidden")
    contrast_prompt: str = option(
        "",
        "For targets that compare two contexts: the prompt of the other run; empty means the same prompt.",
        label="Instead of the prompt",
        max_chars=20_000,
        group="contrast",
    )
    contrast_context: str = option(
        "auto",
        "Where the other tokens are judged: at the same place in the same run, or in a run of their own; auto takes"
        " their own where there is another prompt.",
        label="Judge them in",
        choices=lambda: CONTEXTS,
        group="contrast",
    )
    alignment: str = option(
        "",
        "Which output token is compared with which of the other output, as in 0-0, 1-2; empty aligns by itself.",
        max_chars=4000,
        group="contrast",
    )
    step_scores: str = option(
        "",
        "Further numbers to put on each generated token: names of targets, separated by commas.",
        names=lambda: STEP_FUNCTIONS,
        max_chars=400,
        group="method",
    )
    filter_top_k: int = option(
        0, "KL divergence looks at this many likeliest tokens only; 0 at all.", low=0, high=1_000_000, group="method"
    )
    filter_top_p: float = option(
        1.0,
        "KL divergence looks at the likeliest tokens of this total probability.",
        low=0.05,
        high=1.0,
        group="method",
    )
    nucleus: float = option(
        0.9, "The probability that the tokens counted by top-p size cover.", low=0.05, high=1.0, group="method"
    )
    n_dropout: int = option(
        5, "Passes with dropout, for the dropout score.", label="Dropout passes", low=2, high=100, group="method"
    )
    deletion_check: bool = option(
        False,
        "Take the top-ranked tokens away, and random ones, and see how far the target falls.",
        group="method",
    )

    def unused(self) -> Iterable[str]:
        method = METHODS[self.method]
        heard = {"method", "attribute_prefix", "deletion_check", "step_scores", *method.options}
        for step_function in self.asked():
            heard.update(step_function.options)
        groups = ("method", "contrast")
        names = [name for name, _, facts in self.options() if facts.group in groups and name not in heard]
        names += [] if heard.intersection(CONTRAST) else ["contrast_ids"]
        return names + [name for name in self.unused_generation() if name not in heard]

    def by(self, name: str) -> AttributionSpec:
        """The attribution by one method, with everything else as here."""
        given = {field: getattr(self, field) for field, _, _ in AttributionSpec.options()}
        return AttributionSpec(**given | {"method": name, "own": self.own_of(METHODS[name])})

    def asked(self) -> list[StepFunction]:
        """The step functions that are explained or put beside the output by name. Unknown names are left out."""
        names = [name.strip() for name in self.step_scores.split(",")]
        if "step_function" in METHODS[self.method].options:
            names.append(self.step_function)
        return [STEP_FUNCTIONS[name] for name in names if name in STEP_FUNCTIONS]

    def check(self) -> None:
        super().check()
        aligned(self.alignment)
        for name in filter(None, (part.strip() for part in self.step_scores.split(","))):
            if name not in STEP_FUNCTIONS:
                raise SpecError(f"{name!r:.60} is not one of {', '.join(STEP_FUNCTIONS)}.", field="step_scores")


def aligned(text: str) -> dict[int, int]:
    """The pairs of an alignment such as "0-0, 1-2": position in the output → position in the other output.

    Raises SpecError for anything else, and for two partners of one token.
    """
    pairs: dict[int, int] = {}
    for part in filter(str.strip, text.split(",")):
        match = _PAIR.fullmatch(part)
        if match is None:
            raise SpecError(f"{part!r:.40} is not a pair such as 1-2.", field="alignment")
        ours, theirs = int(match[1]), int(match[2])
        if pairs.setdefault(ours, theirs) != theirs:
            raise SpecError(f"token {ours} has two partners.", hint="Give it one.", field="alignment")
    return pairs
