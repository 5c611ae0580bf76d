"""A result about neuron factors as the plain JSON that the NeuronFactors component draws."""

from __future__ import annotations

from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.figures.base import Figure
from spaces_app.figures.factor_summary import found_again
from spaces_app.figures.packing import badges, plain, sentences
from spaces_app.figures.still import factors, tables
from spaces_app.figures.terminal.factors import factors_table
from spaces_app.results import Result

SIGNS = {
    "split": "positive and negative halves apart",
    "gate": "the gate alone, where it is positive",
    "clip": "where they are positive",
}


def neuron_factors(result: Result, *, state: str = "", origin: str = "") -> dict:
    """The component's value. `state` is the view part of a link (`factor:2,token:7,more:1`); `origin` as elsewhere."""
    notes, tokens = result.notes, result.tokens
    activations = result.arrays["factors"].values
    layers = result.arrays["layers"].values
    factors = [
        known | {"values": plain(values), "layers": plain(shares)} | _ablation(result, known)
        for known, values, shares in zip(notes["factors"], activations, layers, strict=True)
    ]
    found = {
        "kind": "neuron_factors",
        "tokens": [token.to_dict() for token in tokens],
        "factors": factors,
        "layer_labels": [str(label) for label in notes["layer_labels"]],
        "written": _written(result, "as_is"),
        "state": state,
        "notes": [*sentences(notes), *filter(None, (notes["linear_path"], found_again(notes)))],
        "badges": badges(notes, origin, *_more(result)),
    }
    ablated = _asked(result).ablated()
    # The factor that was asked about is open, so that what became of it is on screen.
    return found | ({"selected": ablated[0] - 1} if len(ablated) == 1 else {})


def _asked(result: Result) -> NeuronFactorsSpec:
    assert isinstance(result.spec, NeuronFactorsSpec)
    return result.spec


def _ablation(result: Result, known: dict) -> dict:
    """What a card tells of the run without its factor, with the probability of every written token in it."""
    told = known["ablation"]
    return {} if told is None else {"ablation": told | {"written": _written(result, f"factor {known['number']}")}}


def _written(result: Result, condition: str) -> list[float | None] | None:
    """The probability of every token under a condition, or None where no factor was taken away."""
    array = result.arrays.get("written")
    return None if array is None else plain(array.select(condition=condition).values)


def _more(result: Result) -> list[tuple[str, str]]:
    notes, near, n_layers = result.notes, result.notes["stability"], len(result.notes["layer_labels"])
    steps = f"{notes['iterations']} steps" + ("" if notes["converged"] else ", not at rest yet")
    return [
        ("Read", f"what goes into {notes['module']}, {SIGNS[notes['sign']]}"),
        ("Neurons", f"{notes['n_neurons']:,} in {n_layers} layer{'s' if n_layers > 1 else ''}"),
        ("Left out", f"{notes['discarded']:.1%} of the squared activation" if notes["discarded"] else ""),
        ("Error", f"{notes['error']:.1%} after {steps}"),
        ("Stability", "" if near is None else f"{near:.2f} of 1 over three other starts"),
        (
            "Activations",
            "remembered: the model was not run" if notes["reused"] and not _asked(result).ablated() else "",
        ),
    ]


FIGURE = Figure(
    component="neuron_factors",
    value=neuron_factors,
    drawing=factors.neuron_factors,
    table=factors_table,
    rows=tables.neuron_factors,
    thumbnail="factors",
)
