"""What would the model have written after each layer? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spaces_app.analyses.shared.fields import GenerationFields
from spaces_app.costs.model import Cost, passes
from spaces_app.costs.token_counts import TokenCounts, reading_token_counts, writing_cost
from spaces_app.errors import SpecError
from spaces_app.methods import CostInputs
from spaces_app.spec import option

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel

SCOPES = ("generated", "all")
MOST_WATCHED = 8


@dataclass(frozen=True, kw_only=True)
class LayersSpec(GenerationFields):
    """Read every layer of a model through its output layer, as if the model ended there (the logit lens)."""

    kind = "layers"
    version = 1

    watch: str = option(
        "",
        "Words to follow through the layers beside the ones that were written, separated by commas: is, are.",
        label="Watch",
        max_chars=200,
    )
    scope: str = option(
        "generated",
        "Whose tokens are read: the ones written, or the prompt's too.",
        choices=lambda: SCOPES,
        group="reading",
    )
    top_k: int = option(
        10, "Likeliest words kept for every layer and token.", label="Likeliest", low=0, high=20, group="reading"
    )

    def unused(self) -> Iterable[str]:
        return self.unused_generation()

    def watched(self) -> list[str]:
        """The words to follow, in the order they were named."""
        return list(dict.fromkeys(filter(None, (word.strip() for word in self.watch.split(",")))))

    def check(self) -> None:
        if len(self.watched()) > MOST_WATCHED:
            raise SpecError(
                f"{len(self.watched())} words are too many.", hint=f"Use at most {MOST_WATCHED}.", field="watch"
            )


def token_counts(spec: LayersSpec, model: LoadedModel) -> TokenCounts:
    """The tokens of the text, at most. Raises SpecError for texts that are empty."""
    return reading_token_counts(spec, model)


def cost(spec: LayersSpec, facts: Any, counts: TokenCounts) -> Cost:
    """A pass, the output layer at every layer and token, and the writing."""
    inputs = CostInputs(facts, counts.n_source, counts.n_prompt, counts.n_generated)
    read = counts.n_generated + (counts.n_prompt if spec.scope == "all" and not counts.n_source else 0)
    found = passes(inputs.forward + (facts.n_layers + 1) * read * inputs.head_row)
    return found + writing_cost(spec, counts, inputs)
