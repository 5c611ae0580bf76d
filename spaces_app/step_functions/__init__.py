"""STEP_FUNCTIONS: one number per generated token each, from the logits at its step: a formula, a unit and a source.

To add one, write its function and record in a file beside these and name the record here. ALWAYS lists those that
every result carries; the others are computed when they are named.
"""

from spaces_app.step_functions.base import CONTRAST, StepFunction
from spaces_app.step_functions.contrastive import CONTRASTIVE
from spaces_app.step_functions.plain import ON_REQUEST, PLAIN

STEP_FUNCTIONS: dict[str, StepFunction] = {
    step_function.name: step_function for step_function in (*PLAIN, *ON_REQUEST, *CONTRASTIVE)
}
ALWAYS: tuple[str, ...] = tuple(step_function.name for step_function in PLAIN)

__all__ = ["ALWAYS", "CONTRAST", "STEP_FUNCTIONS", "StepFunction"]
