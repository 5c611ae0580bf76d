"""What a direction in the residual stream says of the vocabulary, if nothing but the output layer follows.

The linear path only: layers in between, which may turn it into something else, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from spaces_app.engine.probe import probe
from spaces_app.models.adapters import Adapter
from spaces_app.models.facts import blocks
from spaces_app.models.loaded import LoadedModel

Passed: TypeAlias = tuple[nn.Module, Tensor, Tensor]  # a module, what went in and what came out
_ends: WeakKeyDictionary[nn.Module, list[nn.Module]] = WeakKeyDictionary()  # model → the modules behind its last block


def logits_of(lm: LoadedModel, directions: Tensor) -> Tensor:
    """By how much each direction raises the logit of each word, the mean over words being 0. (R, D) → (R, V) float32

    A direction goes alone through the final norm, so its length plays no part; what the norm adds is taken off again.
    """
    modules = _end(lm)
    parameter = next(modules[0].parameters(), None)
    head = next(modules[-1].parameters())
    device, dtype = (head if parameter is None else parameter).device, head.dtype
    device = lm.device if device.type == "meta" else device  # in memory only while it is used
    with torch.no_grad():
        sizes = directions.float().pow(2).mean(-1, keepdim=True).sqrt().clamp_min(1e-30)
        rows = torch.cat([directions.float() / sizes, torch.zeros_like(directions[:1], dtype=torch.float32)])
        given = rows.to(device, dtype)[None]  # (1, R + 1, D)
        for module in modules:
            given = module(given)
        logits = given[0].float().cpu()
    found = logits[:-1] - logits[-1:]
    return found - found.mean(-1, keepdim=True)


def _end(lm: LoadedModel) -> list[nn.Module]:
    """The modules between the last block and the logits, in the order in which they are passed; found by a pass over
    a few tokens. The output layer alone where they do not follow each other."""
    if lm.model not in _ends:
        head = Adapter.of(lm).head
        passed: list[Passed] = []
        body = probe(lm)
        with torch.no_grad(), _watching(lm, passed):
            body.decode(slice(0, 1), states=body.encode())
        modules = [module for module, _, _ in passed]
        follows = all(
            _proportional(before, given) for (_, _, before), (_, given, _) in zip(passed, passed[1:], strict=False)
        )
        _ends[lm.model] = modules if modules and modules[-1] is head and follows else [head]
    return _ends[lm.model]


@contextmanager
def _watching(lm: LoadedModel, passed: list[Passed]) -> Iterator[None]:
    """Within, (module, what goes in, what comes out) of every module that is passed behind the last block."""
    last = blocks(lm.model.get_decoder())[-1]
    inside = set(last.modules())
    parts = [part for part in lm.model.modules() if not any(part.children()) and part not in inside]

    def begin(_module: nn.Module, _inputs: tuple, output: object) -> None:
        passed.clear()

    def note(module: nn.Module, inputs: tuple, output: object) -> None:
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            passed.append((module, inputs[0], output))

    handles = [last.register_forward_hook(begin), *(part.register_forward_hook(note) for part in parts)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _proportional(before: Tensor, given: Tensor) -> bool:
    """Whether a module is given what the one before it gave, but for a factor and positions that were left out."""
    last = before.flatten(0, -2)[-1].float(), given.flatten(0, -2)[-1].float()
    if last[0].shape != last[1].shape:
        return False
    return float(torch.cosine_similarity(*last, dim=0)) > 0.999
