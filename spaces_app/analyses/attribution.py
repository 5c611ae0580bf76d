"""Which input tokens moved each generated token? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spaces_app.methods import AGGREGATIONS, BASELINES, METHODS
from spaces_app.spec import Spec, option
from spaces_app.step_functions import STEP_FUNCTIONS


@dataclass(frozen=True)
class AttributionSpec(Spec):
    """Explain every token a model writes (or is made to write) after a prompt, by what came before it."""

    kind = "attribution"
    version = 1

    model: str = option("bundled/tiny-causal", "Model to explain: a bundled one, a Hub id, or a local folder.")
    revision: str = option("", "Exact revision of the model; filled in by the run.", max_chars=64, group="hidden")
    prompt: str = option(
        "", "Text given to the model; for a translation model, the text to translate.", max_chars=20_000
    )
    continuation: str = option(
        "",
        "Text to explain as if the model had written it; empty lets the model write.",
        label="Forced output",
        max_chars=20_000,
    )
    continuation_ids: tuple = option(
        (), "Exact ids of the output, as links carry them.", max_chars=1024, group="hidden"
    )
    method: str = option("saliency", "How importance is measured.", choices=lambda: METHODS, group="method")
    step_function: str = option(
        "probability",
        "The number that is explained at each generated token.",
        label="Target",
        choices=lambda: STEP_FUNCTIONS,
        group="method",
    )
    aggregation: str = option(
        "auto",
        "How a token's hidden units become one score; auto takes the sum for signed methods, else the L2 norm.",
        choices=lambda: AGGREGATIONS,
        group="method",
    )
    baseline: str = option(
        "auto",
        "What stands for an absent token; auto takes the mask token, else unknown, padding, zero.",
        choices=lambda: BASELINES,
        group="method",
    )
    n_steps: int = option(
        50, "Points on the path of integrated gradients.", label="Steps", low=2, high=300, group="method"
    )
    attribute_prefix: bool = option(
        True,
        "Explain by the output written so far as well as by the input.",
        label="Include the output so far",
        group="method",
    )
    max_new_tokens: int = option(
        12, "Tokens the model may write.", label="New tokens", low=1, high=256, group="generation"
    )
    temperature: float = option(
        0.0, "0 takes the likeliest token; higher values sample more freely.", low=0.0, high=2.0, group="generation"
    )
    top_p: float = option(
        1.0,
        "Sample from the likeliest tokens of this total probability.",
        label="Top p",
        low=0.05,
        high=1.0,
        group="generation",
    )
    seed: int = option(0, "Seed of the sampling.", low=0, high=2**31 - 1, group="generation")

    def unused(self) -> Iterable[str]:
        method = METHODS[self.method]
        names = [name for name in ("step_function", "aggregation", "baseline", "n_steps") if name not in method.options]
        if self.continuation:
            names += ["max_new_tokens", "temperature", "top_p", "seed"]
        elif self.temperature == 0:
            names += ["top_p", "seed"]
        return names
