"""Models: which there are, how they are found, loaded and kept. Importing this never imports torch."""

from spaces_app.models.cards import ModelCard, listed
from spaces_app.models.resolve import Source, fetch, resolve

__all__ = ["ModelCard", "Source", "fetch", "listed", "resolve"]
