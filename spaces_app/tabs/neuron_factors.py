"""The Neuron factors tab: what fires together, with further views of what happens inside the model."""

from __future__ import annotations

from collections.abc import Mapping

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.neuron_factors.spec import MOST_FACTORS, NeuronFactorsSpec
from spaces_app.errors import SpecError
from spaces_app.tabs import knowledge, layers, neurons, similarity
from spaces_app.tabs.base import Tab


def idle(spec: NeuronFactorsSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    written = "The output is given." if spec.continuation else "Nothing is written."
    written = written if spec.continuation or not spec.max_new_tokens else "Needs a temperature above 0."
    reasons = {
        "ablate_scale": "No factor is taken away.",
        "align": "An encoder writes nothing.",
    }
    return {name: reasons.get(name, written) for name in spec.unused()}


def ablated(spec: NeuronFactorsSpec, event: Mapping) -> NeuronFactorsSpec:
    """The question a click on a factor's card asks: what happens without it? Raises SpecError for anything else."""
    number = event.get("factor")
    if event.get("ask") != "ablate" or type(number) is not int or not 1 <= number <= MOST_FACTORS:
        raise SpecError("this is not a factor to take away.", field="ablate")
    return spec.replace(ablate=str(number))


TAB = Tab(
    title="Neuron factors",
    question="Which neurons fire together while it reads and writes?",
    analysis=ANALYSES["neuron_factors"],
    idle=idle,
    governing=("side", "ablate", "continuation", "max_new_tokens", "temperature"),
    groups=(("reading", "Reading"), ("ablation", "Ablation"), ("generation", "Generation")),
    label="Factors",
    asked=ablated,
    more=(layers.TAB, neurons.TAB, similarity.TAB, knowledge.TAB),
)
