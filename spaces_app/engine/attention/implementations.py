"""Another attention function for a running model, only inside `with`.

Most models of transformers leave the arithmetic of attention to a function that they look up by name for every call.
Within `attending` the name stands for a function of ours, so queries, keys, values and weights can be read or treated
differently without knowing one model from another.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from spaces_app.errors import NotSupported

NAME = "seqscope"
# (module, query, key, value, mask, **options) → (output, weights)
Attention: TypeAlias = Callable[..., tuple[Tensor, Tensor]]
_function: ContextVar[Attention] = ContextVar("attention function")


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor]:
    return _function.get()(module, query, key, value, attention_mask, **options)


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, eager_mask)


@contextmanager
def implementation(model: nn.Module, name: str) -> Iterator[None]:
    """Within, every part of the model computes its attention by the implementation `name`."""
    found = (getattr(part, "config", None) for part in model.modules())
    configs = {id(config): config for config in found if config is not None}.values()
    chosen = [(config, getattr(config, "_attn_implementation_internal", None)) for config in configs]
    try:
        for config, own in chosen:
            if own is not None:
                config._attn_implementation_internal = name
        yield
    finally:
        for config, own in chosen:
            if own is not None:
                config._attn_implementation_internal = own


@contextmanager
def attending(model: nn.Module, function: Attention) -> Iterator[None]:
    """Within, attention is `function(module, query, key, value, attention_mask, **options)`.

    query (B, H, n, d), key and value (B, H_kv, m, d); it returns (output (B, n, H, d), weights (B, H, n, m)). Models
    that do not look their attention up never call it.
    """
    token = _function.set(function)
    try:
        with implementation(model, NAME):
            yield
    finally:
        _function.reset(token)


def plain(module: nn.Module) -> Attention:
    """The model's own attention, written out with weights, with the signature of the function in `attending`."""
    try:
        return inspect.unwrap(type(module).forward).__globals__["eager_attention_forward"]
    except (AttributeError, KeyError):
        raise NotSupported("this model does not write its attention out.", field="method") from None
