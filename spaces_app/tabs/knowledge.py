"""Where knowledge sits: a view of the neurons' tab."""

from __future__ import annotations

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.knowledge.spec import KnowledgeSpec
from spaces_app.tabs.base import Tab


def idle(spec: KnowledgeSpec) -> dict[str, str]:
    """Why an option has no influence: the sentence shown in place of its help."""
    return dict.fromkeys(spec.unused(), "Needs a subject whose fact is restored.")


TAB = Tab(
    title="Neuron factors",
    question="In which layer, at which word, does the fact sit?",
    analysis=ANALYSES["knowledge"],
    idle=idle,
    governing=("subject", "patching"),
    groups=(("method", "Method"),),
    label="Knowledge",
)
