"""What each layer would have written: a view of the neurons' tab."""

from __future__ import annotations

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.layers.spec import LayersSpec
from spaces_app.tabs.base import Tab


def idle(spec: LayersSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    given = "The output is given." if spec.continuation else "Needs a temperature above 0."
    return dict.fromkeys(spec.unused(), given)


TAB = Tab(
    title="Neuron factors",
    question="When in the model does each word become the likeliest?",
    analysis=ANALYSES["layers"],
    idle=idle,
    governing=("continuation", "temperature"),
    groups=(("reading", "Reading"), ("generation", "Generation")),
    label="Layers",
)
