"""TABS: every tab of the page, in order. To add one, write its file beside these and name its record here."""

from spaces_app.tabs import attribution, context_reliance, contrastive, neuron_factors
from spaces_app.tabs.base import Tab

TABS: dict[str, Tab] = {
    tab.analysis.name: tab for tab in (attribution.TAB, contrastive.TAB, context_reliance.TAB, neuron_factors.TAB)
}

__all__ = ["TABS", "Tab"]
