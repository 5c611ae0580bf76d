"""METHODS: every attribution method. To add one, write its file beside these and name the file here."""

import importlib

from spaces_app.errors import SpecError
from spaces_app.methods.base import (
    AGGREGATIONS,
    BASELINES,
    COMBINATIONS,
    REDUCTIONS,
    REMOVALS,
    UNITS,
    Answer,
    Ask,
    AttributionRequest,
    AttributionScores,
    CostInputs,
    Load,
    Method,
    check_method,
    reduction,
)

# Files with the records of one method or several, in the order in which people see them.
FILES = (
    "gradient",
    "integrated",
    "gradient_shap",
    "discretized",
    "sequential",
    "deeplift",
    "layers",
    "perturbation",
    "lime",
    "shapley",
    "reagent",
    "attention",
    "values",
    "relevance",
)


def _records() -> dict[str, Method]:
    """The Method records of the files, in the order in which a file writes them down."""
    found: dict[str, Method] = {}
    for file in FILES:
        for record in vars(importlib.import_module(f"spaces_app.methods.{file}")).values():
            if isinstance(record, Method) and found.setdefault(record.name, record) is not record:
                raise SpecError(f"two methods are called {record.name!r}.", field="methods")
    return found


METHODS: dict[str, Method] = _records()

__all__ = [
    "AGGREGATIONS",
    "BASELINES",
    "COMBINATIONS",
    "METHODS",
    "REDUCTIONS",
    "REMOVALS",
    "UNITS",
    "Answer",
    "Ask",
    "AttributionScores",
    "AttributionRequest",
    "CostInputs",
    "Load",
    "Method",
    "check_method",
    "reduction",
]
