"""Points at which gradients are taken, each with a weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Path:
    """Points between a baseline and the input: baseline + node · (embeds − baseline), each with a weight.

    baseline: (n_inputs, D); nodes and weights: floats. Gradients come as weighted sums over the points.
    """

    baseline: Tensor
    nodes: tuple[float, ...]
    weights: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def at(self, chosen: slice, embeds: Tensor) -> Tensor:
        """The points themselves. (B, n_inputs, D)"""
        nodes = torch.tensor(self.nodes[chosen], dtype=embeds.dtype, device=embeds.device)[:, None, None]
        return self.baseline + nodes * (embeds - self.baseline)

    def scale(self, chosen: slice, embeds: Tensor) -> Tensor | None:
        """What a point's gradient is multiplied with, unit by unit, before it is added up; None: nothing."""
        return None


@dataclass(frozen=True)
class Noisy(Path):
    """Points between the baseline and inputs with noise; gradients times (noisy input − baseline).

    noise(i): what is added to the input for point i, (n_inputs, D); the same at every call, so that none is kept.
    """

    noise: Callable[[int], Tensor]

    def at(self, chosen: slice, embeds: Tensor) -> Tensor:
        nodes = torch.tensor(self.nodes[chosen], dtype=embeds.dtype, device=embeds.device)[:, None, None]
        return self.baseline + nodes * self.scale(chosen, embeds)

    def scale(self, chosen: slice, embeds: Tensor) -> Tensor:
        rows = range(chosen.start, min(chosen.stop, len(self)))
        noise = torch.stack([self.noise(index) for index in rows])
        return embeds + noise.to(embeds.device, embeds.dtype) - self.baseline


@dataclass(frozen=True)
class Bent:
    """Points of any path from a baseline to the input (R + 1, n_inputs, D): gradients at all but the last, times the
    way to the next."""

    points: Tensor

    def __len__(self) -> int:
        return len(self.points) - 1

    @property
    def weights(self) -> tuple[float, ...]:
        return (1.0,) * len(self)

    def at(self, chosen: slice, embeds: Tensor) -> Tensor:
        return self.points[chosen].to(embeds.dtype)

    def scale(self, chosen: slice, embeds: Tensor) -> Tensor:
        ahead = self.points[chosen.start + 1 : chosen.stop + 1]
        return (ahead - self.points[chosen]).to(embeds.dtype)


@dataclass(frozen=True)
class OneByOne:
    """A path for each of some inputs on which only this input moves, from its baseline to itself.

    rows: which inputs. Gradients count for the input that moves alone, times (embedding − baseline).
    """

    baseline: Tensor
    rows: tuple[int, ...]
    nodes: tuple[float, ...]
    node_weights: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.rows) * len(self.nodes)

    @property
    def weights(self) -> tuple[float, ...]:
        return self.node_weights * len(self.rows)

    def at(self, chosen: slice, embeds: Tensor) -> Tensor:
        index, rows = self._places(chosen, embeds)
        nodes = torch.tensor(self.nodes, dtype=embeds.dtype, device=embeds.device)[index % len(self.nodes)]
        points = embeds.expand(len(index), -1, -1).clone()  # (B, n_inputs, D)
        start = self.baseline[rows]
        points[torch.arange(len(index), device=embeds.device), rows] = start + nodes[:, None] * (embeds[rows] - start)
        return points

    def scale(self, chosen: slice, embeds: Tensor) -> Tensor:
        index, rows = self._places(chosen, embeds)
        only = torch.zeros((len(index), *embeds.shape), dtype=embeds.dtype, device=embeds.device)
        only[torch.arange(len(index), device=embeds.device), rows] = embeds[rows] - self.baseline[rows]
        return only

    def _places(self, chosen: slice, embeds: Tensor) -> tuple[Tensor, Tensor]:
        index = torch.arange(chosen.start, min(chosen.stop, len(self)), device=embeds.device)
        rows = torch.tensor(self.rows, dtype=torch.long, device=embeds.device)[index // len(self.nodes)]
        return index, rows
