"""The models on offer: those that ship with the repository and those the owner lists."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from spaces_app.settings import Settings

BUNDLED = Path(__file__).parent.parent / "bundled"


@dataclass(frozen=True)
class ModelCard:
    """One entry of the list of models. `encoder_decoder` is None until the model's configuration has been seen."""

    id: str
    label: str
    blurb: str
    encoder_decoder: bool | None


_BUNDLED_CARDS = (
    ModelCard(
        "bundled/tiny-causal",
        "Tiny English (bundled)",
        "Trained from scratch on a small made-up English whose rules are known, so its reasons can be checked.",
        False,
    ),
    ModelCard(
        "bundled/tiny-en-fr",
        "Tiny English → French (bundled)",
        "Translates a small made-up English into French, with gender and pronouns that need context.",
        True,
    ),
)


def listed(settings: Settings) -> list[ModelCard]:
    """The bundled models that are there, then the owner's, in the order given."""
    cards = [card for card in _BUNDLED_CARDS if bundled_folder(card.id).is_dir()]
    known = {card.id for card in cards}
    return cards + [_owner_card(name) for name in dict.fromkeys(settings.listed_models) if name not in known]


def is_listed(model: str, settings: Settings) -> bool:
    """Whether a model may be used where strangers' models may not."""
    return model in {card.id for card in _BUNDLED_CARDS} or model in settings.listed_models


def bundled_folder(model: str) -> Path:
    """Where a bundled model's files are; `model` is a full id such as "bundled/tiny-causal"."""
    return BUNDLED / model.removeprefix("bundled/")


def _owner_card(model: str) -> ModelCard:
    from spaces_app.models.hub import client

    folder = Path(model).expanduser() if is_path(model) else client.cached(model)
    kind = None
    if folder is not None and (folder / "config.json").is_file():
        try:
            kind = bool(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("is_encoder_decoder"))
        except (OSError, ValueError, AttributeError):
            kind = None
    return ModelCard(model, model, "From this computer." if is_path(model) else "From the Hugging Face Hub.", kind)


def is_path(model: str) -> bool:
    """Whether a model's name is written as a path rather than as a Hub id."""
    return model.startswith(("/", "./", "../", "~/", ".\\", "..\\")) or model[1:3] == ":\\"
