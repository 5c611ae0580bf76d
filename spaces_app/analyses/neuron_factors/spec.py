"""Which neurons fire together along a text, in few factors? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spaces_app.analyses.neurons.spec import NeuronsSpec
from spaces_app.analyses.shared.fields import GenerationFields
from spaces_app.costs.model import Cost, passes, writing
from spaces_app.costs.token_counts import TokenCounts, reading_token_counts, writing_cost
from spaces_app.errors import SpecError
from spaces_app.methods import CostInputs
from spaces_app.spec import option, same_as

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel

SIDES = ("auto", "decoder", "encoder", "both")
SIGNS = ("auto", "split", "gate", "clip")
SCALINGS = ("none", "layer", "neuron")
ALIGNMENTS = ("input", "output")
MOST_FACTORS = 30
ABLATED = ("none", "all", *(str(number) for number in range(1, MOST_FACTORS + 1)))
WRITTEN_WITHOUT = 12  # tokens written with and without a factor
USUAL_STEPS = 30  # of the factorization, until it has converged


@dataclass(frozen=True, kw_only=True)
class NeuronFactorsSpec(GenerationFields):
    """Take the activations of feed-forward neurons along a text apart into factors (non-negative factorization)."""

    kind = "neuron_factors"
    version = 1

    k: int = option(6, "How many factors.", label="Factors", low=2, high=MOST_FACTORS)
    layers: str = same_as(NeuronsSpec, "layers")
    side: str = option(
        "auto",
        "Of a translation model, the encoder's neurons, the decoder's or both; auto takes the decoder's where it "
        "writes.",
        choices=lambda: SIDES,
        group="reading",
    )
    sign: str = option(
        "auto",
        "What becomes of negative activations: a factor's own half of the neuron (split), nothing (clip), or the gate "
        "alone is read (gate). auto splits those of gated models and clips others.",
        choices=lambda: SIGNS,
        group="reading",
    )
    scaling: str = option(
        "none",
        "Bring every layer, or every neuron, to the same size first.",
        choices=lambda: SCALINGS,
        group="reading",
    )
    align: str = option(
        "input",
        "Show what fired when a token was read (input), or when it was about to be written (output).",
        choices=lambda: ALIGNMENTS,
        group="reading",
    )
    skip_first: bool = option(
        True,
        "Leave out the first token, whose activations are often many times larger than all others.",
        label="Skip first token",
        group="reading",
    )
    stability: bool = option(True, "Compare with what three random starts find.", group="reading")
    ablate: str = option(
        "none",
        "Run the model without the neurons of one factor, or of each in turn.",
        choices=lambda: ABLATED,
        group="ablation",
    )
    ablate_share: float = option(
        0.5,
        "Which neurons of a factor: the heaviest that hold this share of its squared weight.",
        label="Share of the factor",
        low=0.05,
        high=1.0,
        group="ablation",
    )
    ablate_scale: float = option(
        0.0,
        "What their activations are multiplied with: 0 takes them away, 2 doubles them.",
        label="Multiply with",
        low=0.0,
        high=10.0,
        group="ablation",
    )
    max_new_tokens: int = option(
        12, "Tokens the model may write first; 0 reads the text alone.", label="New tokens", low=0, high=256,
        group="generation",
    )  # fmt: skip

    def unused(self) -> Iterable[str]:
        names = ["ablate_scale"] if self.ablate == "none" else []
        names += ["align"] if self.side == "encoder" else []
        return names + self.unused_generation()

    def ablated(self) -> tuple[int, ...]:
        """The numbers of the factors without which the model is run."""
        if self.ablate == "all":
            return tuple(range(1, self.k + 1))
        return () if self.ablate == "none" else (int(self.ablate),)

    def check(self) -> None:
        if any(number > self.k for number in self.ablated()):
            raise SpecError(
                f"there is no factor {self.ablate} among {self.k}.", hint="Name one that is asked for.", field="ablate"
            )


def token_counts(spec: NeuronFactorsSpec, model: LoadedModel) -> TokenCounts:
    """The tokens of the text, at most. Raises SpecError for texts that are empty."""
    return reading_token_counts(spec, model)


def cost(spec: NeuronFactorsSpec, facts: Any, counts: TokenCounts) -> Cost:
    """A pass, the writing, the factorization, and for every factor taken away a pass and a few tokens."""
    inputs = CostInputs(facts, counts.n_source, counts.n_prompt, max(1, counts.n_generated))
    n_tokens = counts.n_source + counts.n_prompt + counts.n_generated
    cells = n_tokens * 4 * facts.d_model * facts.n_layers  # feed-forward parts are about four times as wide
    starts = 4 if spec.stability else 1
    found = passes(inputs.forward + 4 * cells * spec.k * USUAL_STEPS * starts)
    if ablated := len(spec.ablated()):
        again = CostInputs(facts, counts.n_source, counts.n_prompt, WRITTEN_WITHOUT)
        found += passes(inputs.forward * (1 + ablated)) + (1 + ablated) * writing(again)
    return found + writing_cost(spec, counts, inputs)
