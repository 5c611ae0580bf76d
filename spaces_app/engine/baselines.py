"""What stands for an absent token: the embedding of another token, zero, or the vocabulary's mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spaces_app.errors import NotSupported
from spaces_app.models.loaded import LoadedModel

TOKENS = ("mask", "unk", "pad", "eos")  # the order in which "auto" looks for one
MEAN_ROWS = 8192  # embeddings averaged at a time


def resolve(lm: LoadedModel, name: str) -> str:
    """The baseline meant by `name`: "auto" becomes the first special token the model has, else "zero".

    Raises NotSupported when the model has no token of that name.
    """
    if name == "auto":
        return next((token for token in TOKENS[:3] if _token_id(lm, token) is not None), "zero")
    if name in TOKENS and _token_id(lm, name) is None:
        raise NotSupported(f"this model has no {name} token.", hint="Choose zero or mean.", field="baseline")
    return name


def vector(lm: LoadedModel, name: str, embedding: nn.Module, like: Tensor) -> Tensor:
    """The (D,) embedding of a resolved baseline, as `embedding` gives it; dtype and device of `like` (…, D)."""
    if name == "zero":
        return torch.zeros(like.shape[-1], dtype=like.dtype, device=like.device)
    with torch.no_grad():
        if name == "mean":
            total = torch.zeros(like.shape[-1], dtype=torch.float64)
            for start in range(0, lm.facts.d_vocab, MEAN_ROWS):
                ids = torch.arange(start, min(start + MEAN_ROWS, lm.facts.d_vocab), device=lm.device)
                total += embedding(ids[None])[0].double().sum(0).cpu()
            return (total / lm.facts.d_vocab).to(like.device, like.dtype)
        ids = torch.tensor([[_token_id(lm, name)]], dtype=torch.long, device=lm.device)
        return embedding(ids)[0, 0].to(like.device, like.dtype)


def _token_id(lm: LoadedModel, name: str) -> int | None:
    if name == "eos":
        return lm.facts.eos_ids[0] if lm.facts.eos_ids else None
    token = getattr(lm.facts, f"{name}_id")
    return token if token is not None and token < lm.facts.d_vocab else None
