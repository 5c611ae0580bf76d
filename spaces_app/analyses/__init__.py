"""ANALYSES: every kind of question. To add one, write its folder beside these and name it here."""

from __future__ import annotations

import importlib

from spaces_app.analyses.base import Analysis
from spaces_app.spec import Spec

# In the order in which the command line and the API list them.
NAMES = (
    "attribution",
    "comparison",
    "contrastive",
    "context_reliance",
    "neuron_factors",
    "layers",
    "knowledge",
    "neurons",
    "similarity",
)

ANALYSES: dict[str, Analysis] = {
    name: importlib.import_module(f"spaces_app.analyses.{name}").ANALYSIS for name in NAMES
}

KINDS: dict[str, type[Spec]] = {name: analysis.spec for name, analysis in ANALYSES.items()}
