"""Single neurons along texts: a view of the neurons' tab."""

from __future__ import annotations

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.neurons.spec import NeuronsSpec
from spaces_app.tabs.base import Tab


def idle(spec: NeuronsSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    written = "The output is given." if spec.continuation else "Nothing is written."
    written = written if spec.continuation or not spec.max_new_tokens else "Needs a temperature above 0."
    reasons = {
        **dict.fromkeys(("n_neurons", "layers"), "The neurons are named."),
        **dict.fromkeys(("clustering", "normalize"), "No clusters are asked for."),
    }
    return {name: reasons.get(name, written) for name in spec.unused()}


TAB = Tab(
    title="Neuron factors",
    question="What do single neurons do along the text?",
    analysis=ANALYSES["neurons"],
    idle=idle,
    governing=("neurons", "clusters", "continuation", "max_new_tokens", "temperature"),
    groups=(("reading", "Reading"), ("generation", "Generation")),
    label="Neurons",
)
