"""From the tensors of a method or step function to named arrays."""

from __future__ import annotations

import numpy as np
import torch

from spaces_app.arrays import NamedArray, positions
from spaces_app.errors import NotSupported
from spaces_app.methods import AttributionScores


def scores_array(scores: torch.Tensor, name: str, leading: dict[str, tuple] | None = None) -> NamedArray:
    """Scores (..., G, n_inputs) as an array over (..., input, generated), with unit `name`.

    The last generated token is read by nobody: a row of its own, all missing, so that rows are tokens. Raises
    NotSupported for infinite scores.
    """
    values = scores.transpose(-1, -2).float().numpy()  # (..., n_inputs, G)
    _check_finite(np.isinf(values).any())
    missing = np.full((*values.shape[:-2], 1, values.shape[-1]), np.nan, dtype=np.float32)
    values = np.concatenate([values, missing], -2)
    axes = {"input": positions(values.shape[-2]), "generated": positions(values.shape[-1])}
    return NamedArray(values, (leading or {}) | axes, name)


def steps_array(steps: dict[str, torch.Tensor]) -> NamedArray:
    """Step scores (G,) by name as one array. Raises NotSupported for those that are not finite."""
    table = np.stack([values.float().numpy() for values in steps.values()])  # (step functions, G)
    _check_finite(not np.isfinite(table).all())
    return NamedArray(table, {"step_function": tuple(steps), "generated": positions(table.shape[1])}, "")


def _check_finite(broken: bool) -> None:
    if broken:
        raise NotSupported(
            "the scores are not finite: a written token has probability zero, or the model overflows.",
            hint="Explain the probability instead of its logarithm, or another output.",
            field="step_function",
        )


def parts_arrays(answer: AttributionScores, name: str) -> dict[str, NamedArray]:
    """The finer scores behind an answer, by name."""
    return {part: scores_array(values, name, leading) for part, (leading, values) in answer.parts.items()}
