"""What do single neurons do along a text? The question; the answer is computed in a lane."""

from __future__ import annotations

import dataclasses
import re
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

SIDES = ("auto", "decoder", "encoder")
CLUSTERINGS = ("kmeans", "agglomerative")
MOST_TEXTS, MOST_NAMED = 8, 200
_NEURON = re.compile(r"\s*(\d{1,4})\s*:\s*(\d{1,6})\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class NeuronsSpec(GenerationFields):
    """Follow feed-forward neurons along one text or several, those that do alike together."""

    kind = "neurons"
    version = 1

    others: str = option(
        "", "Further texts, one a line, along which the same neurons are followed.", label="Other texts", max_chars=8000
    )
    neurons: str = option(
        "",
        "Neurons to follow, as layer:number, such as 3:125, 0:17. Empty takes those that vary most.",
        max_chars=2000,
    )
    n_neurons: int = option(
        40,
        "How many are followed where none is named: those that vary most, the first token aside.",
        label="Number",
        low=1,
        high=200,
        group="reading",
    )
    layers: str = option("all", "Layers whose neurons are taken: all, one, or a range such as 2-5.", group="reading")
    side: str = option(
        "auto",
        "Of a translation model, the encoder's or the decoder's neurons; auto takes the decoder's where it writes.",
        choices=lambda: SIDES,
        group="reading",
    )
    clusters: int = option(5, "Groups of neurons that do alike; 0 for none.", low=0, high=20, group="reading")
    clustering: str = option("kmeans", "How groups are found.", choices=lambda: CLUSTERINGS, group="reading")
    normalize: bool = option(
        True, "Divide each neuron's activations by its largest before they are grouped.", group="reading"
    )
    max_new_tokens: int = option(
        0, "Tokens the model may write first; 0 reads the text alone.", label="New tokens", low=0, high=256,
        group="generation",
    )  # fmt: skip

    def unused(self) -> Iterable[str]:
        names = ["n_neurons", "layers"] if self.neurons.strip() else []
        names += ["clustering", "normalize"] if not self.clusters else []
        return names + self.unused_generation()

    def texts(self) -> list[str]:
        """The further texts, without empty lines."""
        return [line for line in self.others.splitlines() if line.strip()]

    def named(self) -> list[tuple[int, int]]:
        """(layer, number) of each neuron that is named. Raises SpecError for what names none."""
        found = []
        for part in filter(None, (part.strip() for part in self.neurons.split(","))):
            match = _NEURON.fullmatch(part)
            if not match:
                raise SpecError(
                    f"{part!r:.40} is no neuron.", hint="Write layer and number, such as 3:125.", field="neurons"
                )
            found.append((int(match[1]), int(match[2])))
        return list(dict.fromkeys(found))

    def check(self) -> None:
        if len(self.texts()) >= MOST_TEXTS:
            raise SpecError(
                f"{len(self.texts())} further texts are too many.",
                hint=f"Use at most {MOST_TEXTS - 1}.",
                field="others",
            )
        if len(self.named()) > MOST_NAMED:
            raise SpecError(
                f"{len(self.named())} neurons are too many.", hint=f"Name at most {MOST_NAMED}.", field="neurons"
            )


def token_counts(spec: NeuronsSpec, model: LoadedModel) -> TokenCounts:
    """The tokens of the text, at most, with the further texts as a second run. Raises SpecError for empty texts."""
    n_other = sum(len(model.encode_prompt(text)) for text in spec.texts())
    return dataclasses.replace(reading_token_counts(spec, model), n_other=n_other)


def cost(spec: NeuronsSpec, facts: Any, counts: TokenCounts) -> Cost:
    """A pass for every text, and the writing."""
    inputs = CostInputs(facts, counts.n_source, counts.n_prompt, max(1, counts.n_generated))
    read = counts.n_source + counts.n_prompt + counts.n_generated
    found = passes(inputs.forward * (1 + counts.n_other / max(1, read)))
    return found + writing_cost(spec, counts, inputs)
