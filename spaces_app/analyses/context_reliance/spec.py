"""Which words depend on the context, and on which part of it? The question; the answer is computed in a lane."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.context_reliance.context_templates import FIELD, fill_templates
from spaces_app.analyses.shared.fields import GenerationFields
from spaces_app.costs.model import Cost, of_method, passes, writing
from spaces_app.costs.token_counts import TokenCounts, cost_inputs, fitted_token_counts
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS
from spaces_app.methods.uses import UsesMethod
from spaces_app.spec import option, same_as

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel

METRICS = (
    "kl_divergence",
    "kl_divergence_reverse",
    "pcxmi",
    "in_context_pvi",
    "contrast_prob_diff",
    "contrast_logits_diff",
    "contrast_logprob_diff",
)
TARGETS = (
    "contrast_logits_diff",
    "contrast_logprob_diff",
    "contrast_prob_diff",
    "kl_divergence",
    "kl_divergence_reverse",
    "probability",
    "log_probability",
    "logit",
)
SENTENCES = ("off", "leave_one_out", "surrogate")
CUES = ("all", "dependent")
FEW = 0.3  # of the words stand out in most answers
_INSTEAD = re.compile(r"\s*(\d{1,5})\s*=(.+)", re.ASCII | re.DOTALL)


def _methods() -> list[str]:
    return [name for name, method in METHODS.items() if "step_function" in method.options]


@dataclass(frozen=True, kw_only=True)
class ContextRelianceSpec(UsesMethod, GenerationFields):
    """Find the words of an answer that depend on a context, and the parts of the context they depend on (PECoRe).

    The model reads `template` with the context and the current text in it, and for comparison `plain_template` with
    the current text alone; both runs are made to give the same answer.
    """

    kind = "context_reliance"
    version = 1
    order = ("model", "revision", "context", "prompt", "continuation", "continuation_ids", "output_context",
             "template", "plain_template", "output_template", "plain_output_template", "separator", "chat", "metric",
             "method", "step_function", "instead", "cues", "free_output", "sentences", "n_subsets")  # fmt: skip

    context: str = option("", "Text that the answer may rely on.", max_chars=20_000)
    prompt: str = option(
        "", "The text that is continued, answered or translated.", label="Current text", max_chars=20_000
    )
    output_context: str = option(
        "", "Beginning of the output that counts as context, such as the translation of the context.", max_chars=20_000
    )
    template: str = option(
        "{context} {current}", "How context and current text are put together.", max_chars=2000, group="template"
    )
    plain_template: str = option(
        "{current}", "The same without the context.", label="Template without context", max_chars=2000, group="template"
    )
    output_template: str = option(
        "{context} {current}",
        "How the output's context and the answer are put together; ends with the answer.",
        max_chars=2000,
        group="template",
    )
    plain_output_template: str = option(
        "{current}",
        "The same without the context.",
        label="Output template without context",
        max_chars=2000,
        group="template",
    )
    separator: str = option(
        " ", "What stands between input and output of a model without an encoder.", max_chars=40, group="template"
    )
    chat: bool = option(
        False, "Put the input into the model's chat template, as a user's message.", label="Chat", group="template"
    )
    metric: str = option(
        "kl_divergence",
        "The measure of dependence that is shown first; all are computed.",
        choices=lambda: METRICS,
        group="method",
    )
    method: str = option(
        "integrated_gradients", "How importance is measured.", choices=lambda: _methods(), group="method"
    )
    step_function: str = option(
        "contrast_logits_diff",
        "The number that is explained: differences compare with the likeliest token without the context.",
        label="Target",
        choices=lambda: TARGETS,
        group="method",
    )
    instead: str = option(
        "",
        "Words to compare with in place of the likeliest without the context, by output position: 3=office, 5=was.",
        max_chars=2000,
        group="method",
    )
    cues: str = option(
        "all",
        "Which words get cues: all, so that cuts can be moved in the figure, or only those whose dependence stands out"
        " now, which is faster.",
        label="Cues for",
        choices=lambda: CUES,
        group="method",
    )
    free_output: bool = option(
        True, "Also let the model write by itself without the context.", label="Answer without context", group="method"
    )
    sentences: str = option(
        "leave_one_out",
        "What is done with whole sentences of the context: nothing, each left out once, or random sets of them and a"
        " sparse linear model.",
        choices=lambda: SENTENCES,
        group="method",
    )
    n_subsets: int = option(
        32, "Random sets of sentences for the linear model.", label="Sets", low=4, high=512, group="method"
    )
    filter_top_k: int = same_as(AttributionSpec, "filter_top_k")
    filter_top_p: float = same_as(AttributionSpec, "filter_top_p")

    def unused(self) -> Iterable[str]:
        heard = {"method", "metric", "step_function", "cues", "free_output", "sentences", *METHODS[self.method].options}
        heard |= {"filter_top_k", "filter_top_p"} if self.step_function.startswith("kl_") else set()
        heard |= {"instead"} if self.step_function in TARGETS[:3] else set()
        heard |= {"n_subsets", "seed"} if self.sentences == "surrogate" else set()
        names = [name for name, _, facts in self.options() if facts.group in ("method", "contrast")]
        names = [name for name in names if name not in heard]
        names += [] if self.output_context else ["output_template"]
        return names + [name for name in self.unused_generation() if name not in heard]

    def check(self) -> None:
        super().check()
        words(self.instead)
        for name, wanted in (
            ("template", ("context", "current")),
            ("plain_template", ("current",)),
            ("output_template", ("context", "current")),
            ("plain_output_template", ("current",)),
        ):
            text = getattr(self, name)
            found = sorted(FIELD.findall(text))
            if found != sorted(wanted):
                places = " and ".join("{" + place + "}" for place in wanted)
                raise SpecError(f"the template must contain {places} once.", field=name)
            if "output" in name and not text.endswith("{current}"):
                raise SpecError("the template must end with {current}.", field=name)


def words(text: str) -> dict[int, str]:
    """Output position → word to compare with, from "3=office, 5=was". Raises SpecError."""
    found = {}
    for part in filter(str.strip, text.split(",")):
        match = _INSTEAD.fullmatch(part)
        if match is None or not match[2].strip():
            raise SpecError(f"{part!r:.40} is not a pair such as 3=office.", field="instead")
        found[int(match[1])] = match[2].strip()
    return found


def flagged(scores: np.ndarray, sigma: float, floor: float) -> np.ndarray:
    """Which scores stand out: at least mean + sigma · standard deviation (n − 1), as Inseq has it, and the floor.

    Of one score, the one itself; of two, neither could be a deviation above the mean, so the floor alone counts.
    """
    size = np.abs(scores)
    if len(scores) < 3:
        return size >= floor
    return (size >= scores.mean() + sigma * scores.std(ddof=1)) & (size >= floor)


def token_counts(spec: ContextRelianceSpec, model: LoadedModel) -> TokenCounts:
    """How many tokens the two runs have. Raises SpecError for texts that are empty."""
    full, plain = fill_templates(spec, model, spec.context), fill_templates(spec, model, None)
    if spec.continuation_ids:
        written = len(spec.continuation_ids)
    else:
        written = len(full.continuation(model, spec.continuation)) if spec.continuation else spec.max_new_tokens
    n_prompt = len(full.prompt) - (len(model.decoder_start) if model.facts.encoder_decoder else 0)
    if model.facts.encoder_decoder:
        found = fitted_token_counts(model, len(full.source), written)
        found = dataclasses.replace(found, n_prompt=found.n_prompt + n_prompt)
    else:
        found = fitted_token_counts(model, n_prompt, written)
    return dataclasses.replace(found, n_other=len(plain.source) + len(plain.prompt) + found.n_generated)


def cost(spec: ContextRelianceSpec, facts: Any, counts: TokenCounts) -> Cost:
    """What the method does, two passes over each run, both writings, and a pass for each set of sentences."""
    inputs = cost_inputs(spec, facts, counts)
    share = counts.n_other / max(1, counts.n_source + inputs.n_decoder)
    n_sentences = 1 + len(re.findall(r"[.!?。！？\n]+\s", spec.context))
    sets = {"off": 0, "leave_one_out": n_sentences, "surrogate": n_sentences + spec.n_subsets}[spec.sentences]
    given = bool(spec.continuation or spec.continuation_ids)
    written = ((0 if given else 1) + (share if spec.free_output else 0)) * writing(inputs)
    share_explained = FEW if spec.cues == "dependent" and METHODS[spec.method].family == "gradient" else 1.0
    return share_explained * of_method(spec.method, inputs) + (2 + sets + 2 * share) * passes(inputs.forward) + written
