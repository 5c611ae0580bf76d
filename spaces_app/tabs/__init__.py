"""TABS: every tab of the page, in order. To add one, write its file beside these and name it here."""

from __future__ import annotations

import importlib

from spaces_app.analyses import ANALYSES
from spaces_app.figures import FIGURES
from spaces_app.tabs.base import Tab, plain

# In the order in which the page shows them.
NAMES = ("attribution", "contrastive", "context_reliance", "neuron_factors")


def _tabs() -> dict[str, Tab]:
    named = [importlib.import_module(f"spaces_app.tabs.{name}").TAB for name in NAMES]
    asked = {name for tab in named for name in tab.views}
    left = [plain(analysis) for name, analysis in ANALYSES.items() if name in FIGURES and name not in asked]
    return {tab.name: tab for tab in (*named, *left)}


# Those named, then a plain one for each analysis that has a figure and is in none of them.
TABS: dict[str, Tab] = _tabs()

__all__ = ["TABS", "Tab"]
