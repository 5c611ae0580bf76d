"""Models: which there are (cards), how they are found (resolve), loaded (load) and kept (cache).

Only what is light is imported here, so that showing or finding a model never imports torch.
"""

from spaces_app.models.cards import ModelCard, listed

__all__ = ["ModelCard", "listed"]
