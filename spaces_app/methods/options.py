"""What several methods may be told, each option declared once: question, request and cost inherit these fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spaces_app.errors import SpecError
from spaces_app.methods.reductions import REDUCTIONS
from spaces_app.spec import Declared, Option, checked, option

AGGREGATIONS = ("auto", *REDUCTIONS)
BASELINES = ("auto", "mask", "unk", "pad", "eos", "zero", "mean")
COMBINATIONS = ("mean", "max", "rollout")
UNITS = ("token", "word", "sentence")
REMOVALS = ("replace", "delete")


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """The options that methods share. One that is a single method's own stands in that method's record."""

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
        50,
        "Points on the path of integrated gradients; the most updates of ReAGent.",
        label="Steps",
        low=2,
        high=300,
        group="method",
        rounds=True,
    )
    n_samples: int = option(
        50, "Random draws of methods that sample.", label="Samples", low=1, high=2000, group="method", rounds=True
    )
    noise: float = option(
        0.0,
        "Standard deviation of the noise that gradient SHAP adds to the input.",
        low=0.0,
        high=1.0,
        group="method",
    )
    layer: str = option(
        "all", "Layers to look at: all, one number (-1 is the last), or a range such as 2-5.", group="method"
    )
    head: str = option("all", "Attention heads to look at: all, one number, or a range such as 0-3.", group="method")
    combine: str = option(
        "mean",
        "How layers and heads become one score; rollout follows attention through all layers.",
        choices=lambda: COMBINATIONS,
        group="method",
    )
    window: str = option(
        "token", "What is taken away at a time: a token, a word, or a sentence.", choices=lambda: UNITS, group="method"
    )
    removal: str = option(
        "replace",
        "How something is taken away: replaced by the baseline, or deleted so that the rest moves together.",
        choices=lambda: REMOVALS,
        group="method",
    )


SHARED: dict[str, Option] = {item.name: item.metadata["option"] for item in dataclasses.fields(MethodOptions)}


def shared_values(told: Any) -> dict[str, Any]:
    """The values of the shared options in a question, by name."""
    return {name: getattr(told, name) for name in SHARED}


def own_options(declared: Mapping[str, Any]) -> list[Declared]:
    """(name, default, facts) of options that a method declares as its own, each by `option(...)`.

    Raises SpecError for one that is declared in another way, whose default is out of its own bounds, or whose name is
    that of an option which methods share.
    """
    found = []
    for name, item in declared.items():
        facts = getattr(item, "metadata", {}).get("option")
        if not isinstance(facts, Option) or not isinstance(item.default, str | int | float):
            raise SpecError(
                f"the option {name!r:.60} is not declared.", hint="Write option(default, help, …).", field="own"
            )
        if name in SHARED:
            raise SpecError(f"{name!r} is an option that methods share.", hint="Name it in `options`.", field="own")
        if facts.rounds and type(item.default) is not int:
            raise SpecError(f"{name!r} counts rounds, so it must be a whole number.", field="own")
        default = checked(name, item.default, item.default, facts)
        found.append((name, default, dataclasses.replace(facts, group="method")))
    return found


def same_declaration(one: Declared, other: Declared) -> bool:
    """Whether two methods mean the same by an option of one name, so that one flag and one control can serve both."""
    alike = one[:2] == other[:2] and type(one[1]) is type(other[1])
    return alike and _plain(one[2]) == _plain(other[2])


def _plain(facts: Option) -> dict[str, Any]:
    """The facts, with the names in place of the functions that give them: two such functions are never equal."""
    lists: dict[str, Iterable[str] | None] = {
        "choices": facts.choices and list(facts.choices()),
        "names": facts.names and list(facts.names()),
    }
    return vars(facts) | lists
