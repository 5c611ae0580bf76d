"""A result of the neuron-factors analysis as the plain JSON that the NeuronFactors component draws."""

from __future__ import annotations

import numpy as np

from spaces_app.analyses.base import Result
from spaces_app.views.packing import badges, plain, sentences


def neuron_factors(result: Result, *, state: str = "", origin: str = "") -> dict:
    """The component's value. `state` is the view part of a link (`factor:2,token:7,more:1`); `origin` as elsewhere."""
    notes, tokens = result.notes, result.tokens
    activations = _by_token(result.arrays["factors"], len(tokens))
    layers = result.arrays["layers"].values
    factors = [
        known | {"values": plain(values), "layers": plain(shares)}
        for known, values, shares in zip(notes["factors"], activations, layers, strict=True)
    ]
    stability = notes.get("stability")
    more = [
        ("Factors", str(notes["k"])),
        ("Error", f"{notes['error']:.1%} after {notes['iterations']} steps"),
        ("Stability", "" if stability is None else f"{stability:.2f} over three starts"),
        ("Left out", f"{notes['discarded']:.1%} of the activation" if notes.get("discarded") else ""),
        ("Neurons", str(notes.get("module", ""))),
    ]
    return {
        "kind": "neuron_factors",
        "tokens": [token.to_dict() for token in tokens],
        "factors": factors,
        "layer_labels": [str(label) for label in notes["layer_labels"]],
        "state": state,
        "notes": [*sentences(notes), *([notes["linear_path"]] if notes.get("linear_path") else [])],
        "origin": origin,
        "badges": badges(notes, origin, *more),
    }


def _by_token(array, n_tokens: int) -> np.ndarray:
    """Rows of an array over (…, token) with a column for every token, NaN where the array has none."""
    spread = np.full((array.values.shape[0], n_tokens), np.nan, dtype=np.float32)
    spread[:, list(array.axes["token"])] = array.values
    return spread
