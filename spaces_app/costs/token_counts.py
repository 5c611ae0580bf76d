"""How large a question is and how much arithmetic it takes, told from spec, tokenizer and facts. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from spaces_app.costs.model import Cost, of_method, passes, writing
from spaces_app.engine.deletion_check import n_variants
from spaces_app.methods import CostInputs
from spaces_app.methods.options import shared_values
from spaces_app.tokens import sentence_ids, word_ids

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.models.model_facts import Facts
    from spaces_app.step_functions import StepFunction


@dataclass(frozen=True)
class TokenCounts:
    """How many tokens a question has: read by an encoder, given to the decoder, and written (at most).

    n_other: tokens of a second run it is compared with. grouped: what is taken away together (words, sentences), for
    each token; 1 for single tokens.
    """

    n_source: int
    n_prompt: int
    n_generated: int
    n_other: int = 0
    grouped: float = 1.0


class Written(Protocol):
    """A question about a text and an output that is given, or that the model writes."""

    @property
    def prompt(self) -> str: ...

    @property
    def continuation(self) -> str: ...

    @property
    def continuation_ids(self) -> tuple[int, ...]: ...

    @property
    def max_new_tokens(self) -> int: ...


class Explained(Written, Protocol):
    """A question that a method answers."""

    @property
    def method(self) -> str: ...

    @property
    def window(self) -> str: ...

    @property
    def own(self) -> Mapping[str, Any]: ...

    def asked(self) -> list[StepFunction]: ...


class Contrasted(Explained, Protocol):
    """One that may compare with another output or another prompt."""

    @property
    def contrast(self) -> str: ...

    @property
    def contrast_ids(self) -> tuple[int, ...]: ...

    @property
    def contrast_prompt(self) -> str: ...


def text_token_counts(spec: Contrasted, model: LoadedModel) -> TokenCounts:
    """The tokens of a question about a text, at most: a model may stop writing early. Raises SpecError for empty texts.

    Never more than the model has positions: that a text is longer than that is for the analysis to say.
    """
    facts, prompt = model.facts, model.encode_prompt(spec.prompt)
    counts = dataclasses.replace(reading_token_counts(spec, model), grouped=_grouped(spec, model, prompt))
    if not any(step.contrastive for step in spec.asked()):
        return counts
    n_prompt = len(model.encode_prompt(spec.contrast_prompt)) if spec.contrast_prompt else len(prompt)
    n_written = counts.n_generated
    if spec.contrast_ids or spec.contrast:
        n_written = len(spec.contrast_ids or model.encode_continuation(spec.prompt, spec.contrast))
    n_other = n_prompt + n_written + (len(model.decoder_start) if facts.encoder_decoder else 0)
    return dataclasses.replace(counts, n_other=n_other)


def reading_token_counts(spec: Written, model: LoadedModel) -> TokenCounts:
    """The tokens of a text and of what is written after it, at most. Raises SpecError for empty texts."""
    given = _given(spec, model)
    return fitted_token_counts(
        model, len(model.encode_prompt(spec.prompt)), spec.max_new_tokens if given is None else len(given)
    )


def fitted_token_counts(model: LoadedModel, n_prompt: int, n_written: int) -> TokenCounts:
    """The counts for a prompt of so many tokens (of a source, for an encoder) and an output, within the positions."""
    facts = model.facts
    begun = len(model.decoder_start) if facts.encoder_decoder else _at_most(n_prompt, facts.max_positions)
    room = None if facts.max_positions is None else facts.max_positions - begun + 1
    source = _at_most(n_prompt, facts.max_source_positions) if facts.encoder_decoder else 0
    return TokenCounts(source, begun, _at_most(n_written, room))


def _given(spec: Written, model: LoadedModel) -> list[int] | None:
    """The ids of an output that is not written by the model."""
    if spec.continuation_ids:
        return list(spec.continuation_ids)
    return model.encode_continuation(spec.prompt, spec.continuation) if spec.continuation else None


def _grouped(spec: Explained, model: LoadedModel, prompt: list[int]) -> float:
    """Words or sentences per token, as far as the text is known."""
    if spec.window == "token":
        return 1.0
    source, begun = (prompt, model.decoder_start) if model.facts.encoder_decoder else ((), prompt)
    tokens = model.tokens(source, begun, _given(spec, model) or ())
    groups = (word_ids if spec.window == "word" else sentence_ids)(tokens)
    return (groups[-1] + 1) / len(groups)


def cost_inputs(spec: Explained, facts: Facts, counts: TokenCounts) -> CostInputs:
    """What the cost of the spec's method follows from."""
    n_inputs = counts.n_source + counts.n_prompt + counts.n_generated - 1
    n_features = 0 if counts.grouped == 1 else max(1, round(counts.grouped * n_inputs))
    given = shared_values(spec) | {"n_features": n_features, "own": spec.own}
    return CostInputs(facts, counts.n_source, counts.n_prompt, counts.n_generated, **given)


def attribution_cost(spec: Explained, facts: Facts, counts: TokenCounts) -> Cost:
    """One attribution, and the writing of the output where it is not given."""
    return explaining(spec, facts, counts) + writing_cost(spec, counts, cost_inputs(spec, facts, counts))


def reading_cost(spec: Written, facts: Facts, counts: TokenCounts) -> Cost:
    """One pass over a text and the output, and the writing of the output where it is not given."""
    inputs = CostInputs(facts, counts.n_source, counts.n_prompt, counts.n_generated)
    return passes(inputs.forward) + writing_cost(spec, counts, inputs)


def explaining(spec: Explained, facts: Facts, counts: TokenCounts) -> Cost:
    """One attribution: what the method does, a pass over the run it is compared with, those with dropout."""
    inputs = cost_inputs(spec, facts, counts)
    return of_method(spec.method, inputs) + passes_beside(spec, inputs, counts)


def writing_cost(spec: Written, counts: TokenCounts, inputs: CostInputs) -> Cost:
    """What the model does to write the output; nothing where it is given, or none is asked for."""
    given = spec.continuation or spec.continuation_ids
    return Cost() if given or not counts.n_generated else writing(inputs)


def passes_beside(spec: Explained, inputs: CostInputs, counts: TokenCounts) -> float:
    """Operations of what step functions need beside the run itself."""
    operations = inputs.forward * counts.n_other / max(1, counts.n_source + inputs.n_decoder) if counts.n_other else 0.0
    if any(step.compares == "dropout" for step in spec.asked()):
        operations += getattr(spec, "n_dropout", 0) * inputs.forward
    if getattr(spec, "deletion_check", False):
        operations += n_variants(inputs.n_source + inputs.n_decoder, inputs.n_generated) * inputs.forward
    return operations


def _at_most(count: int, most: int | None) -> int:
    return count if most is None else min(count, most)
