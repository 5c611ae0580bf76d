"""Which layers hold the same information? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spaces_app.analyses.shared.fields import ComparesModels, GenerationFields
from spaces_app.costs.model import Cost, passes
from spaces_app.costs.token_counts import TokenCounts, fitted_token_counts
from spaces_app.methods import CostInputs
from spaces_app.spec import option, same_as

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel

MEASURES = ("all", "cka", "svcca", "pwcca")
READ = ("states", "neurons")


@dataclass(frozen=True, kw_only=True)
class SimilaritySpec(ComparesModels):
    """Compare what the layers of a model hold of a text: with each other, in another text, or in another model."""

    kind = "similarity"
    version = 1
    order = ("model", "revision", "prompt", "other_prompt")

    prompt: str = option("", "Text whose tokens are compared; of a translation model, what it reads.", max_chars=20_000)
    other_prompt: str = option(
        "", "Another text of as many tokens, compared place by place.", label="Other text", max_chars=20_000
    )
    measure: str = option("all", "How alike layers are.", choices=lambda: MEASURES, group="method")
    of: str = option(
        "states",
        "What is compared: the hidden states after each layer, or its feed-forward neurons.",
        label="Compare",
        choices=lambda: READ,
        group="method",
    )
    dims: int = option(
        20,
        "Largest directions that SVCCA and PWCCA match; fewer where there are few tokens.",
        label="Directions",
        low=1,
        high=200,
        group="method",
    )
    skip_first: bool = option(
        True,
        "Leave out the first token, whose state is often many times larger than any other.",
        label="Skip first token",
        group="reading",
    )
    languages: str = same_as(GenerationFields, "languages")

    def unused(self) -> Iterable[str]:
        return [
            *(["dims"] if self.measure == "cka" else []),
            *([] if self.other_model else ["other_revision"]),
        ]

    def measures(self) -> tuple[str, ...]:
        """The measures that are asked for."""
        return MEASURES[1:] if self.measure == "all" else (self.measure,)


def token_counts(spec: SimilaritySpec, model: LoadedModel) -> TokenCounts:
    """The tokens of the text, which nothing is written after. Raises SpecError for empty texts."""
    found = fitted_token_counts(model, len(model.encode_prompt(spec.prompt)), 0)
    n_other = len(model.encode_prompt(spec.other_prompt or spec.prompt)) if spec.other_prompt or spec.other_model else 0
    return TokenCounts(found.n_source, found.n_prompt, 0, n_other)


def cost(spec: SimilaritySpec, facts: Any, counts: TokenCounts) -> Cost:
    """Passes over the texts, a decomposition of every layer, and a product for every two of them."""
    n = counts.n_source or counts.n_prompt
    layers = (facts.n_encoder_layers if counts.n_source else facts.n_layers) + 1
    rank = min(n, facts.d_model if spec.of == "states" else 4 * facts.d_model)
    numbers = layers * 10 * n * rank * facts.d_model + layers**2 * 2 * n * rank**2
    read = CostInputs(facts, counts.n_source, counts.n_prompt, 1).forward
    return passes(read * (2 if counts.n_other else 1) + numbers)
