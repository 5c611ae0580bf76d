"""Gradient methods at the outputs of transformer blocks instead of the embeddings: all chosen layers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.choices import chosen
from spaces_app.methods.integrated import gauss_legendre, rise

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.backward.layers import Layers
    from spaces_app.engine.forced import ForcedPass


MOST_PARTS = 2_000_000  # scores kept by layer, as many as a result may hold


def layer_gradient_x_activation(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """Hidden state · gradient there, at every chosen layer from one backward pass; the map is the layers' mean."""
    layers, picked = _picked(run, request)
    states = layers.states(picked)  # (L, n_inputs, D)
    tables: list[list[tuple[slice, Tensor]]] = [[] for _ in picked]
    for steps, gradients in layers.gradients(request.score, picked):
        for table, gradient, state in zip(tables, gradients, states, strict=True):
            table.append((steps, request.reduce(gradient * state[: gradient.shape[1]])))
    return _answer(run, picked, [run.collect(table) for table in tables])


def layer_integrated_gradients(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """Integrated gradients from a layer's states for an empty input to its states for this one; the layers' mean.

    Each layer's shares add up to score(input) − score(baseline), so their mean does.
    """
    layers, picked = _picked(run, request)
    baseline = run.baseline(request.baseline)
    starts, stops = layers.states(picked, baseline), layers.states(picked)
    path = gauss_legendre(request.n_steps)
    tables: list[Tensor] = []
    totals: list[list[float]] = []
    for layer, start, stop in zip(picked, starts, stops, strict=True):
        parts, sums = [], []
        for steps, gradient in layers.along(request.score, layer, (start, stop), path):
            shares = gradient * (stop - start)[: gradient.shape[1]]
            parts.append((steps, request.reduce(shares)))
            sums.extend(shares.sum((-2, -1)).tolist())
        tables.append(run.collect(parts))
        totals.append(sums)
    explained = rise(run, request, baseline)
    gap = [sum(column) / len(picked) for column in zip(*totals, strict=True)] - explained
    return _answer(run, picked, tables, explained=tuple(explained.tolist()), convergence_gap=tuple(gap.tolist()))


def _picked(run: ForcedPass, request: AttributionRequest) -> tuple[Layers, tuple[int, ...]]:
    from spaces_app.engine.backward.layers import Layers

    layers = Layers(run)
    return layers, chosen(request.layer, layers.count)


def _answer(run: ForcedPass, picked: tuple[int, ...], tables: list[Tensor], **findings: Any) -> AttributionScores:
    """The mean of the layers' scores (G, n_inputs), and each layer's where there are several."""
    mean = sum(tables[1:], tables[0]) / len(tables)
    if len(tables) == 1:
        return AttributionScores(mean, **findings)
    if len(tables) * tables[0].numel() > MOST_PARTS:
        remark = "The scores of single layers are left out: there are too many. Choose one layer or a few."
        return AttributionScores(mean, remarks=(remark,), **findings)
    by_layer = tables[0].new_empty((len(tables), *tables[0].shape))
    for row, table in enumerate(tables):
        by_layer[row] = table
    return AttributionScores(mean, parts={"layer_attributions": ({"layer": picked}, by_layer)}, **findings)


def _shares(inputs: CostInputs) -> list[float]:
    """For each chosen layer, the part of a pass that lies above it, where gradients have to go."""
    n_layers = inputs.facts.n_layers
    return [0.1 + (n_layers - 1 - layer) / n_layers for layer in chosen(inputs.layer, n_layers)]


def _activation_cost(inputs: CostInputs) -> float:
    return inputs.forward + max(_shares(inputs)) * inputs.once


def _integrated_cost(inputs: CostInputs) -> float:
    return 4 * inputs.forward + sum(_shares(inputs)) * inputs.n_steps * inputs.gradients


LAYER_GRADIENT_X_ACTIVATION = Method(
    name="layer_gradient_x_activation",
    label="Layer gradient × activation",
    family="gradient",
    description="Each position's share in the target if the model were linear from this layer on; mean over layers.",
    source="https://arxiv.org/abs/1412.6815",
    signed=True,
    complete=False,
    options=("step_function", "aggregation", "layer"),
    attribute=layer_gradient_x_activation,
    cost=_activation_cost,
)

LAYER_INTEGRATED_GRADIENTS = Method(
    name="layer_integrated_gradients",
    label="Layer integrated gradients",
    family="gradient",
    description="Integrated gradients over the states of a layer instead of the embeddings; shares add up.",
    source="https://arxiv.org/abs/1802.03788",
    signed=True,
    complete=True,
    options=("step_function", "aggregation", "baseline", "n_steps", "layer"),
    attribute=layer_integrated_gradients,
    cost=_integrated_cost,
)
