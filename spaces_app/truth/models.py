"""The bundled models, loaded."""

from __future__ import annotations

from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.settings import Settings
from spaces_app.truth.questions import MODELS


def bundled(settings: Settings) -> dict:
    """{id: LoadedModel}. Sets torch's threads as the settings say."""
    import torch

    if settings.threads:
        torch.set_num_threads(settings.threads)
    return {name: load(resolve(name, settings), settings, _silent) for name in MODELS}


def _silent(_done: int, _total: int, _what: str) -> None:
    """They are small."""
