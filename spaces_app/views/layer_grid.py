"""Results about layers, neurons, similarity and knowledge as the plain JSON that the LayerGrid component draws."""

from __future__ import annotations

from collections.abc import Iterable

from spaces_app.analyses.base import Result
from spaces_app.arrays import NamedArray
from spaces_app.views.packing import badges, packed, plain, sentences


def layers(result: Result, *, state: str = "", origin: str = "") -> dict:
    """What each layer would have written before each token: ranks, probabilities, entropy, and the likeliest words."""
    notes, arrays = result.notes, result.arrays
    shown = (
        ("rank", "Rank", "", "rank", "of the written token"),
        ("probability", "Probability", "probability", "linear", "of the written token"),
        ("entropy", "Entropy", "nats", "linear", ""),
        ("kl", "Distance to the end", "nats", "log", "KL divergence of the last layer from this one"),
    )
    matrices = [
        {"name": name, "label": label, "unit": unit, "scale": scale, "about": about, **packed(arrays[name].values)}
        for name, label, unit, scale, about in shown
    ]
    columns = arrays["rank"].axes["token"]
    first = next((i for i, t in enumerate(columns) if result.tokens[t].segment == "generated"), 0)
    found = _grid(result, "Layer", notes["layer_labels"], columns, matrices, state=state, origin=origin)
    watched = arrays.get("watched_rank")
    if watched is not None:
        found["watched_unit"] = "rank"
        found["watched"] = [
            {"label": word["text"], **packed(values)}
            for word, values in zip(notes["watched"], watched.values, strict=True)
        ]
    hint = "Each column is a token as it is about to be written; each row what that layer would write."
    return found | {"top": _top(result), "selected": [len(notes["layer_labels"]) - 1, first], "hint": hint}


def similarity(result: Result, *, state: str = "", origin: str = "") -> dict:
    """How alike two layers represent the tokens, by each measure that was asked."""
    labels = {"cka": "CKA", "svcca": "SVCCA", "pwcca": "PWCCA"}
    present = [name for name in labels if name in result.arrays]
    matrices = [
        {"name": name, "label": labels[name], "unit": "", "high": 1.0, **packed(result.arrays[name].values)}
        for name in present
    ]
    notes = result.notes
    return {
        "kind": "layer_grid",
        "rows": {"label": "Layer", "names": [str(label) for label in notes["layer_labels"]]},
        "cols": {"label": "Layer", "names": [str(label) for label in notes["other_labels"]]},
        "matrices": matrices,
        "upward": True,
        "selected": [0, 0],
        "hint": "1 where two layers hold the same information in another form, 0 where they share none.",
        "state": state,
        "notes": sentences(notes),
        "origin": origin,
        "badges": badges(notes, origin, ("Compared", f"{notes['n_rows']} {notes['rows']}")),
    }


def knowledge(result: Result, *, state: str = "", origin: str = "") -> dict:
    """Which layer's feed-forward part at which token pushes towards the true answer."""
    notes, arrays = result.notes, result.arrays
    shown = (
        ("share", "Share in the layer", "", False, ""),
        ("strength", "Strength", "", False, ""),
        ("attribution", "Attribution", arrays["attribution"].unit, True, "towards the true answer or away from it"),
        ("patching", "Check", arrays["attribution"].unit, True, "what changes when this output is exchanged"),
    )
    matrices = [
        {"name": name, "label": label, "unit": unit, "signed": signed, "about": about, **packed(arrays[name].values)}
        for name, label, unit, signed, about in shown
        if name in arrays
    ]
    columns = arrays["share"].axes["token"]
    found = _grid(result, "Layer", notes["layer_labels"], columns, matrices, state=state, origin=origin)
    true, false = notes["true"], notes["false"]
    agreement = notes.get("agreement") or {}
    more = [
        ("True", f"{true['text'].strip()} {true['p']:.1%}"),
        ("False", f"{false['text'].strip()} {false['p']:.1%}"),
        (
            "Check agrees",
            f"{agreement['spearman']:.2f} rank correlation" if agreement.get("spearman") is not None else "",
        ),
    ]
    hint = "The output of each feed-forward part at each token, by how it moves the true answer against the false one."
    return found | {"badges": badges(notes, origin, *more), "selected": [0, len(columns) - 1], "hint": hint}


def neurons(result: Result, *, state: str = "", origin: str = "") -> dict:
    """Single neurons along the text, those of one cluster together."""
    array, notes = result.arrays["activations"], result.notes
    names = [
        f"{neuron['layer']}:{neuron['index']}" + (f" · {neuron['cluster']}" if neuron.get("cluster") else "")
        for neuron in notes["neurons"]
    ]
    matrices = [{"name": "activation", "label": "Activation", "unit": "", "signed": True, **packed(array.values)}]
    columns = array.axes["token"]
    found = _grid(result, "Neuron", names, columns, matrices, state=state, origin=origin)
    hint = "Layer and number of each neuron, with its cluster; orange where it is active, blue where it is negative."
    return found | {"upward": False, "hint": hint}


def _grid(
    result: Result, rows: str, names: Iterable, columns: Iterable[int], matrices: list[dict], *, state: str, origin: str
) -> dict:
    """A grid over some of the result's tokens."""
    tokens = [result.tokens[i] for i in columns]
    return {
        "kind": "layer_grid",
        "rows": {"label": rows, "names": [str(name) for name in names]},
        "cols": {
            "label": "Token",
            "names": [token.text for token in tokens],
            "segments": [token.segment for token in tokens],
        },
        "matrices": matrices,
        "upward": True,
        "selected": [0, 0],
        "state": state,
        "notes": sentences(result.notes),
        "origin": origin,
        "badges": badges(result.notes, origin),
    }


def _top(result: Result) -> list | None:
    """For each layer and token the likeliest words with their probabilities."""
    ids: NamedArray | None = result.arrays.get("top_ids")
    if ids is None:
        return None
    words, p = result.notes["vocabulary"], result.arrays["top_probabilities"].values
    return [
        [
            [[words[str(int(token))], share] for token, share in zip(cell, plain(shares), strict=True)]
            for cell, shares in zip(row, row_p, strict=True)
        ]
        for row, row_p in zip(ids.values, p, strict=True)
    ]
