"""ANALYSES: every kind of question. To add one, write its Spec and its compute beside these and name it here."""

from __future__ import annotations

import importlib

from spaces_app.analyses import (
    comparison,
    context_reliance,
    contrastive,
    knowledge,
    layers,
    neuron_factors,
    neurons,
    similarity,
)
from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.analyses.base import Analysis
from spaces_app.spec import Spec


def _in_lane(module: str):
    """The `compute` of a module that imports torch, imported at the first call."""

    def compute(spec, lm, tick, settings, *others):
        found = importlib.import_module(f"spaces_app.analyses.{module}")
        return found.compute(spec, lm, tick, settings, *others)

    return compute


ANALYSES: dict[str, Analysis] = {
    analysis.name: analysis
    for analysis in (
        Analysis("attribution", "Why did it write each word?", AttributionSpec, _in_lane("attribution_compute")),
        Analysis(
            "comparison",
            "Do several methods say the same?",
            comparison.ComparisonSpec,
            _in_lane("comparison_compute"),
            cost=comparison.cost,
        ),
        Analysis(
            "contrastive",
            "Why this word and not that one?",
            contrastive.ContrastiveSpec,
            _in_lane("contrastive_compute"),
            cost=contrastive.cost,
        ),
        Analysis(
            "context_reliance",
            "Which words depend on the context, and on which part of it?",
            context_reliance.ContextRelianceSpec,
            _in_lane("context_reliance_compute"),
            size=context_reliance.size,
            cost=context_reliance.cost,
        ),
        Analysis(
            "neuron_factors",
            "Which neurons fire together, and where?",
            neuron_factors.NeuronFactorsSpec,
            _in_lane("neuron_factors_compute"),
            size=neuron_factors.size,
            cost=neuron_factors.cost,
        ),
        Analysis(
            "layers",
            "What would it have written after each layer?",
            layers.LayersSpec,
            _in_lane("layers_compute"),
            size=layers.size,
            cost=layers.cost,
        ),
        Analysis(
            "knowledge",
            "Where does the fact sit?",
            knowledge.KnowledgeSpec,
            _in_lane("knowledge_compute"),
            size=knowledge.size,
            cost=knowledge.cost,
        ),
        Analysis(
            "neurons",
            "What do single neurons do along the text?",
            neurons.NeuronsSpec,
            _in_lane("neurons_compute"),
            size=neurons.size,
            cost=neurons.cost,
        ),
        Analysis(
            "similarity",
            "Which layers hold the same?",
            similarity.SimilaritySpec,
            _in_lane("similarity_compute"),
            size=similarity.size,
            cost=similarity.cost,
        ),
    )
}

KINDS: dict[str, type[Spec]] = {name: analysis.spec for name, analysis in ANALYSES.items()}
