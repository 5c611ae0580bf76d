"""Feed-forward neurons: where they are in a model, what they do along a text, and what happens without some of them.

A neuron is one number that goes into the down-projection of a feed-forward part. That projection is found by shape and
place: the widest linear layer outside attention that ends in the residual stream. Where tokens are routed to experts,
what all of them add is known, but there is no one list of neurons.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from spaces_app.engine.hooks import ACTIVATIONS, cut
from spaces_app.engine.progress import Progress, beating
from spaces_app.errors import NotSupported, SpecError
from spaces_app.models.adapters import Adapter
from spaces_app.models.facts import blocks
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import Tick

T = TypeVar("T")
SIDES = ("encoder", "decoder")
LARGEST_HALF = 65504.0
SEVERAL = "this model has several feed-forward parts in a block."
ROUTED = "this model's feed-forward parts route tokens to experts, which share no list of neurons."
_found: WeakKeyDictionary[nn.Module, dict[tuple[str, str], Any]] = (
    WeakKeyDictionary()
)  # model → {(finder, side): what it finds in each block}


@dataclass(frozen=True)
class Projection:
    """The down-projection of one block: what goes in are its neurons. `name` is its place in the block."""

    module: nn.Module
    name: str
    width: int
    activations: tuple[nn.Module, ...] = ()

    @property
    def weight(self) -> Tensor:
        """What each neuron writes at activation 1. (width, D); transformers' Conv1D stores it so, nn.Linear turned."""
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        return weight.T if isinstance(self.module, nn.Linear) else weight


@dataclass(frozen=True)
class Activations:
    """What every neuron does at every token: per side one array (n_tokens, width) for each layer.

    float32 in memory, or float16 in a file that is gone with the object. `module` names what was read.
    """

    values: dict[str, tuple[np.ndarray, ...]]
    module: str

    @property
    def n_bytes(self) -> int:
        """Memory held; what is on disk does not count."""
        arrays = [array for layers in self.values.values() for array in layers]
        return sum(array.nbytes for array in arrays if array.dtype == np.float32)


def projections(lm: LoadedModel, side: str) -> tuple[Projection, ...]:
    """The down-projection of every block of a side. Raises NotSupported with the reason where one cannot be found."""
    return _in_blocks(lm, side, _projection)


def feed_forward_parts(lm: LoadedModel, side: str) -> tuple[nn.Module, ...]:
    """The module of every block of a side whose output the feed-forward part adds to the residual stream.

    The down-projection, or of a part that routes tokens to experts the module that holds them all, router and shared
    ones too. What it returns is that output or a tuple that begins with it. Raises NotSupported with the reason where
    one cannot be found.
    """
    return _in_blocks(lm, side, _part)


def _in_blocks(lm: LoadedModel, side: str, finder: Callable[[nn.Module, int], T]) -> tuple[T, ...]:
    if side == "encoder" and not lm.facts.encoder_decoder:
        raise SpecError("this model has no encoder.", field="side")
    known, key = _found.setdefault(lm.model, {}), (finder.__name__, side)
    if key not in known:
        stack = lm.model.get_encoder() if side == "encoder" else lm.model.get_decoder()
        known[key] = tuple(finder(block, lm.facts.d_model) for block in blocks(stack))
    return known[key]


def activations(
    lm: LoadedModel,
    ids: tuple[Sequence[int], Sequence[int]],
    *,
    gate: bool = False,
    budget: int = 2**28,
    tick: Tick = lambda *_: None,
) -> Activations:
    """Activations of all neurons along (source_ids, decoder_ids), encoder and decoder, from one forward pass.

    With `gate`, of gated feed-forward parts, what comes out of the activation function before it is multiplied.
    Above `budget` bytes in float32 they go to a file as float16. Raises NotSupported.
    """
    adapter, progress = Adapter.of(lm), Progress(tick)
    source, decoder = (torch.tensor([list(part)], dtype=torch.long, device=lm.device) for part in ids)
    n_source, n_decoder = source.shape[1], decoder.shape[1]
    progress(0, 1, "Reading neurons")
    with torch.no_grad(), beating(adapter.blocks, progress), reading(lm, n_source, n_decoder, gate, budget) as found:
        states = adapter.encode(source) if adapter.encoder_decoder else None
        with cut(adapter.head, slice(n_decoder - 1, n_decoder)):
            adapter.decode(decoder, states=states)
    progress(1, 1, "Reading neurons")
    return found


@contextmanager
def reading(
    lm: LoadedModel, n_source: int, n_decoder: int, gate: bool = False, budget: int = 2**28
) -> Iterator[Activations]:
    """Within, a pass over so many tokens fills what is yielded, whatever else the pass is for.

    Raises NotSupported.
    """
    sides = {side: n for side, n in (("encoder", n_source), ("decoder", n_decoder)) if n}
    places = {side: projections(lm, side) for side in sides}
    values = _room({side: [(n, part.width) for part in places[side]] for side, n in sides.items()}, budget)
    with ExitStack() as stack:
        for side, parts in places.items():
            for part, array in zip(parts, values[side], strict=True):
                stack.enter_context(_reading(part, array, gate=gate))
        yield Activations({side: tuple(arrays) for side, arrays in values.items()}, places["decoder"][-1].name)


@contextmanager
def scaled(lm: LoadedModel, factors: Mapping[tuple[str, int], tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Within, neurons are multiplied: {(side, layer): (where positive (width,), where negative (width,))}."""

    def hook(pair: tuple[Tensor, Tensor]) -> Callable[[nn.Module, tuple], tuple]:
        def enter(_module: nn.Module, inputs: tuple) -> tuple:
            above, below = (factor.to(inputs[0].device, inputs[0].dtype) for factor in pair)
            return (torch.where(inputs[0] > 0, inputs[0] * above, inputs[0] * below), *inputs[1:])

        return enter

    handles = [
        projections(lm, side)[layer].module.register_forward_pre_hook(hook(pair))
        for (side, layer), pair in factors.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _projection(block: nn.Module, d_model: int) -> Projection:
    outside = _outside_attention(block)
    if any(_routed(name, part) for name, part in outside):
        raise NotSupported(ROUTED, field="model")
    layers = [(name, part, *_shape(part)) for name, part in outside if isinstance(part, nn.Linear | Conv1D)]
    ends = [entry for entry in layers if entry[3] == d_model and entry[2] != d_model]
    if not ends and len(layers) > 1:  # as wide as the stream itself: the last one
        ends = [entry for entry in layers[-1:] if entry[3] == d_model]
    widest = [entry for entry in ends if entry[2] == max(end[2] for end in ends)]
    if len(widest) != 1:
        raise NotSupported(
            SEVERAL if widest else "this model has no feed-forward part that can be found.", field="model"
        )
    name, module, width, _ = widest[0]
    activation = tuple(part for part in block.modules() if isinstance(part, ACTIVATIONS))
    return Projection(module, name, width, activation)


def _part(block: nn.Module, d_model: int) -> nn.Module:
    outside = _outside_attention(block)
    if not any(_routed(name, part) for name, part in outside):
        return _projection(block, d_model).module
    # Experts, router and what is shared hold all matrices outside attention; norms hold vectors.
    names = [name for name, part in outside if any(weight.dim() > 1 for weight in part.parameters(recurse=False))]
    level = os.path.commonprefix([name.split(".") for name in names])
    module = block.get_submodule(".".join(level))
    while isinstance(module, nn.ModuleList | nn.ModuleDict) and level:  # never called itself
        level = level[:-1]
        module = block.get_submodule(".".join(level))
    if not level:
        raise NotSupported(SEVERAL, field="model")
    return module


def _outside_attention(block: nn.Module) -> list[tuple[str, nn.Module]]:
    """Named modules of a block but those that mix positions: attention and convolutions, with all inside them."""
    parts = list(block.named_modules())
    mixing = [name for name, part in parts if "att" in name.lower() or _convolves(part)]
    if "" in mixing:
        return []
    return [(name, part) for name, part in parts if not any(f"{name}.".startswith(f"{other}.") for other in mixing)]


def _routed(name: str, part: nn.Module) -> bool:
    """Whether a module holds experts: by its name, or as one tensor with an axis for them."""
    if "shared" in name or isinstance(part, nn.Conv1d | nn.Conv2d):
        return False
    stacked = any(weight.dim() == 3 for weight in part.parameters(recurse=False))
    return stacked or "expert" in name.rpartition(".")[2].lower()


def _convolves(part: nn.Module) -> bool:
    """Whether a part mixes positions by a convolution, as state-space layers do."""
    return any(isinstance(child, nn.Conv1d) for child in part.children())


def _shape(part: nn.Linear | Conv1D) -> tuple[int, int]:
    """(inputs, outputs) of a linear layer."""
    if isinstance(part, nn.Linear):
        return part.in_features, part.out_features
    n_in, n_out = part.weight.shape
    return n_in, n_out


def _room(shapes: dict[str, list[tuple[int, int]]], budget: int) -> dict[str, list[np.ndarray]]:
    """Empty arrays of these shapes: float32, or above the budget float16 in one file without a name."""
    total = sum(n * width for layers in shapes.values() for n, width in layers)
    if 4 * total <= budget:
        return {side: [np.empty(shape, np.float32) for shape in layers] for side, layers in shapes.items()}
    with tempfile.TemporaryFile() as file:
        whole = np.memmap(file, np.float16, "w+", shape=(total,))
    start = 0
    arrays: dict[str, list[np.ndarray]] = {}
    for side, layers in shapes.items():
        arrays[side] = []
        for n, width in layers:
            arrays[side].append(whole[start : start + n * width].reshape(n, width))
            start += n * width
    return arrays


@contextmanager
def _reading(part: Projection, into: np.ndarray, *, gate: bool) -> Iterator[None]:
    """Within, what goes into the projection is written into an array, or its gate, which an activation gives."""
    last: dict[str, Tensor] = {}

    def activated(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        last["gate"] = output

    def enter(_module: nn.Module, inputs: tuple) -> None:
        values = last.pop("gate", None) if gate else inputs[0]
        if values is None or values.numel() != into.size:
            raise NotSupported("the gate of this model's feed-forward part cannot be found.", field="sign")
        values = values.reshape(into.shape).float()  # OPT's has no batch axis there
        if into.dtype == np.float16:
            values = torch.where(values.isfinite(), values.clamp(-LARGEST_HALF, LARGEST_HALF), values)
        np.copyto(into, values.cpu().numpy(), casting="same_kind")

    handles = [part.module.register_forward_pre_hook(enter)]
    handles += [module.register_forward_hook(activated) for module in part.activations] if gate else []
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
