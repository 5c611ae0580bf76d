"""How alike layers are: a view of the neurons' tab."""

from __future__ import annotations

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.similarity.spec import SimilaritySpec
from spaces_app.tabs.base import Tab


def idle(spec: SimilaritySpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    return {name: "CKA does not use this." for name in spec.unused() if name == "dims"}


TAB = Tab(
    title="Neuron factors",
    question="Which layers hold the same of the text?",
    analysis=ANALYSES["similarity"],
    idle=idle,
    governing=("measure",),
    groups=(("method", "Method"), ("reading", "Reading")),
    label="Similarity",
)
