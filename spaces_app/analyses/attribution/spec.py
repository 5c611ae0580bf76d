"""Which input tokens moved each generated token? The question; the answer is computed in a lane."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spaces_app.errors import SpecError
from spaces_app.methods import AGGREGATIONS, BASELINES, COMBINATIONS, METHODS, REMOVALS, UNITS
from spaces_app.spec import Spec, option
from spaces_app.step_functions import CONTRAST, STEP_FUNCTIONS, StepFunction

CONTEXTS = ("auto", "same", "own")
_PAIR = re.compile(r"\s*(\d{1,5})\s*[-:]\s*(\d{1,5})\s*", re.ASCII)
_LAYERS = re.compile(r"all|-?\d{1,4}|\d{1,4}-\d{1,4}", re.ASCII)


def idle_generation(spec: Spec) -> list[str]:
    """Options of the writing that count for nothing: the output is given, none is asked for, or nothing is drawn."""
    silent = bool(spec.continuation) or not spec.max_new_tokens
    names = ["max_new_tokens"] if spec.continuation else []
    names += ["temperature"] if silent else []
    return names + (["top_p", "seed"] if silent or spec.temperature == 0 else [])


@dataclass(frozen=True)
class AttributionSpec(Spec):
    """Explain every token a model writes (or is made to write) after a prompt, by what came before it."""

    kind = "attribution"
    version = 1

    model: str = option("bundled/tiny-causal", "Model to explain: a bundled one, a Hub id, or a local folder.")
    revision: str = option("", "Exact revision of the model; filled in by the run.", max_chars=64, group="hidden")
    prompt: str = option(
        "", "Text given to the model; for a translation model, the text to translate.", max_chars=20_000
    )
    continuation: str = option(
        "",
        "Text to explain as if the model had written it; empty lets the model write.",
        label="Forced output",
        max_chars=20_000,
    )
    continuation_ids: tuple = option(
        (), "Exact ids of the output, as links carry them.", max_chars=1024, group="hidden"
    )
    method: str = option("saliency", "How importance is measured.", choices=lambda: METHODS, group="method")
    step_function: str = option(
        "probability",
        "The number that is explained at each generated token.",
        label="Target",
        choices=lambda: STEP_FUNCTIONS,
        group="method",
    )
    aggregation: str = option(
        "auto",
        "How a token's hidden units become one score; auto takes the sum for signed methods, else the L2 norm.",
        choices=lambda: AGGREGATIONS,
        group="method",
    )
    baseline: str = option(
        "auto",
        "What stands for an absent token; auto takes the mask token, else unknown, padding, zero.",
        choices=lambda: BASELINES,
        group="method",
    )
    n_steps: int = option(
        50,
        "Points on the path of integrated gradients; the most updates of ReAGent.",
        label="Steps",
        low=2,
        high=300,
        group="method",
    )
    n_samples: int = option(
        50, "Random draws of methods that sample.", label="Samples", low=1, high=2000, group="method"
    )
    noise: float = option(
        0.0,
        "Standard deviation of the noise that gradient SHAP adds to the input.",
        low=0.0,
        high=1.0,
        group="method",
    )
    layer: str = option(
        "all", "Layers to look at: all, one number (-1 is the last), or a range such as 2-5.", group="method"
    )
    head: str = option("all", "Attention heads to look at: all, one number, or a range such as 0-3.", group="method")
    combine: str = option(
        "mean",
        "How layers and heads become one score; rollout follows attention through all layers.",
        choices=lambda: COMBINATIONS,
        group="method",
    )
    window: str = option(
        "token", "What is taken away at a time: a token, a word, or a sentence.", choices=lambda: UNITS, group="method"
    )
    removal: str = option(
        "replace",
        "How something is taken away: replaced by the baseline, or deleted so that the rest moves together.",
        choices=lambda: REMOVALS,
        group="method",
    )
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
    max_new_tokens: int = option(
        12, "Tokens the model may write.", label="New tokens", low=1, high=256, group="generation"
    )
    temperature: float = option(
        0.0, "0 takes the likeliest token; higher values sample more freely.", low=0.0, high=2.0, group="generation"
    )
    top_p: float = option(
        1.0,
        "Sample from the likeliest tokens of this total probability.",
        label="Top p",
        low=0.05,
        high=1.0,
        group="generation",
    )
    languages: str = option(
        "",
        "For a model of many languages: the one to write in, such as fra_Latn, or source > target.",
        max_chars=60,
        group="generation",
    )
    seed: int = option(0, "Seed of the sampling.", low=0, high=2**31 - 1, group="generation")

    def unused(self) -> Iterable[str]:
        method = METHODS[self.method]
        heard = {"method", "attribute_prefix", "deletion_check", "step_scores", *method.options}
        for step_function in self.asked():
            heard.update(step_function.options)
        groups = ("method", "contrast")
        names = [name for name, _, facts in self.options() if facts.group in groups and name not in heard]
        names += [] if heard.intersection(CONTRAST) else ["contrast_ids"]
        return names + [name for name in idle_generation(self) if name not in heard]

    def asked(self) -> list[StepFunction]:
        """The step functions that are explained or put beside the output by name. Unknown names are left out."""
        names = [name.strip() for name in self.step_scores.split(",")]
        if "step_function" in METHODS[self.method].options:
            names.append(self.step_function)
        return [STEP_FUNCTIONS[name] for name in names if name in STEP_FUNCTIONS]

    def check(self) -> None:
        aligned(self.alignment)
        for name in filter(None, (part.strip() for part in self.step_scores.split(","))):
            if name not in STEP_FUNCTIONS:
                raise SpecError(f"{name!r:.60} is not one of {', '.join(STEP_FUNCTIONS)}.", field="step_scores")
        for field in ("layer", "head"):
            if not _LAYERS.fullmatch(getattr(self, field)):
                raise SpecError(
                    f"{getattr(self, field)!r:.60} is not all, a number, or a range such as 2-5.", field=field
                )


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
