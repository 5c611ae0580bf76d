"""Results made by hand, with scores one can add up in the head."""

from __future__ import annotations

import numpy as np

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.results import Result
from spaces_app.tokens import Token

# Each would set window.pwned, open a dialog or reach for the network if it ever ran.
HOSTILE = (
    "${Object.assign(window,{pwned:1})}",
    " ${alert(1)}",
    " {{constructor.constructor('window.pwned=2')()}}",
    " <img src=x onerror=window.pwned=3>",
    " </script><script>window.pwned=4</script>",
    " `+(window.pwned=5)+`",
    " \\u00zz \\",
    " &lt;b&gt;",
    " \"'><svg onload=alert(6)>",
)


def result(prompt, generated, scores=None, *, source=(), special=(), signed=False, probability=None, **notes) -> Result:
    """A result over token texts. `scores` is (N, G); without it, token i counts i + 1 for every later token."""
    segments = (("source", source), ("prompt", prompt), ("generated", generated))
    tokens = tuple(Token(len(text), text, name, text in special) for name, texts in segments for text in texts)
    n, g = len(tokens), len(generated)
    values = np.array(scores if scores is not None else [[i + 1.0] * g for i in range(n)], dtype=np.float32)
    values = values.reshape(n, g)
    for column in range(g):
        values[n - g + column :, column] = np.nan
    steps = np.array([probability or [0.5] * g, [1.25] * g])
    return Result(
        spec=AttributionSpec(prompt="".join(prompt) or "none", step_function="probability"),
        tokens=tokens,
        arrays={
            "attributions": NamedArray(values, {"input": positions(n), "generated": positions(g)}, "probability"),
            "step_scores": NamedArray(
                steps, {"step_function": ("probability", "entropy"), "generated": positions(g)}, ""
            ),
        },
        notes={"model": "bundled/made-up", "method": "Saliency", "target": "Probability", "signed": signed} | notes,
    )


_KEYS = ("The", " key", "s", " to", " the", " cab", "inet")
_ARE = (" are", " on", " time", ".")
# Rows are the tokens in order, columns the generated ones. In words: " keys" has 0.3 of 0.5 for " are".
_KEYS_SCORES = [
    [0.10, 0.2, 0.0, 0.0],
    [0.20, 0.3, 0.0, 0.0],
    [0.10, 0.1, 0.0, 0.0],
    [0.00, 0.0, 0.0, 0.0],
    [0.05, 0.0, 0.0, 0.0],
    [0.05, 0.0, 0.0, 0.0],
    [0.00, 0.0, 0.0, 0.0],
    [0.00, 0.4, 0.0, 0.0],
    [0.00, 0.0, 1.0, 0.0],
    [0.00, 0.0, 0.0, 0.0],
    [0.00, 0.0, 0.0, 0.0],
]


def keys(**notes) -> Result:
    """‘are’ relies on ‘keys’ (60 %), ‘The’ (20 %), ‘the’ and ‘cabinet’ (10 % each), and on ‘to’ not at all."""
    return result(_KEYS, _ARE, _KEYS_SCORES, probability=[0.62, 0.5, 0.25, 0.999], **notes)


def signed_keys() -> Result:
    """The same, but ‘The’ and ‘cabinet’ speak against everything."""
    against = [-1, 1, 1, 1, 1, -1, -1, 1, 1, 1, 1]
    return result(_KEYS, _ARE, np.array(_KEYS_SCORES) * np.array(against)[:, None], signed=True)


def hostile() -> Result:
    """Strangers' text as prompt, output, model, method and warning."""
    loud = dict.fromkeys(("model", "method", "target"), "".join(HOSTILE))
    return result(HOSTILE, HOSTILE, warnings=list(HOSTILE), **loud)


def large(n_prompt: int, n_generated: int) -> Result:
    """Many tokens; scores from 0 to 1 in a fixed disorder."""
    n = n_prompt + n_generated
    scores = (np.arange(n * n_generated) * 7919 % 1009 / 1009).reshape(n, n_generated)
    return result([f" in{i}" for i in range(n_prompt)], [f" out{i}" for i in range(n_generated)], scores)
