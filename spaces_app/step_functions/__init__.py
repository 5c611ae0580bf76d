"""STEP_FUNCTIONS: one number per generated token each, from the logits at its step: a formula, a unit and a source.

To add one, write its function and record in a file beside these and name the file here. ALWAYS lists those that
every result carries; the others are computed when they are named.
"""

import importlib

from spaces_app.errors import SpecError
from spaces_app.step_functions.base import CONTRAST, StepFunction
from spaces_app.step_functions.plain import PLAIN

# Files with records, one by one or in tuples, in the order in which people see them.
FILES = (
    "plain",
    "contrastive",
)


def _records() -> dict[str, StepFunction]:
    """The StepFunction records of the files, in the order in which a file writes them down."""
    found: dict[str, StepFunction] = {}
    for file in FILES:
        for value in vars(importlib.import_module(f"spaces_app.step_functions.{file}")).values():
            for record in value if isinstance(value, tuple) else (value,):
                if isinstance(record, StepFunction) and found.setdefault(record.name, record) is not record:
                    raise SpecError(f"two step functions are called {record.name!r}.", field="step_functions")
    return found


STEP_FUNCTIONS: dict[str, StepFunction] = _records()
ALWAYS: tuple[str, ...] = tuple(step_function.name for step_function in PLAIN)

__all__ = ["ALWAYS", "CONTRAST", "STEP_FUNCTIONS", "StepFunction"]
