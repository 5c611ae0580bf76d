"""Notes of a result: which model answered, by which method, with which versions."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import torch
import transformers

from spaces_app.analyses.shared.requests import unit
from spaces_app.engine.baselines import resolve as resolve_baseline
from spaces_app.methods import Method, reduction
from spaces_app.methods.base import SIGNED_REDUCTIONS
from spaces_app.spec import Spec
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.version import __version__

if TYPE_CHECKING:
    from spaces_app.methods.uses import UsesMethod
    from spaces_app.models.loaded import LoadedModel


def model_notes(spec: Spec, lm: LoadedModel) -> dict:
    """Which model in which shape, and when."""
    return {
        "model": lm.id,
        "revision": spec.revision or lm.revision,
        "dtype": str(lm.dtype).removeprefix("torch."),
        "device": str(lm.device),
        "attention": lm.attention,
        "versions": {
            "seqscope": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "forced": bool(getattr(spec, "continuation", "")),
        "recorded": datetime.now(timezone.utc).date().isoformat(),
    }


def method_notes(spec: UsesMethod, lm: LoadedModel, method: Method) -> dict:
    """What the scores are, as far as the spec tells."""
    name = reduction(method, spec.aggregation) if "aggregation" in method.options else ""
    asks = "step_function" in method.options
    return {
        "method": method.label,
        "signed": method.signed and (not name or name in SIGNED_REDUCTIONS),
        "aggregation": name,
        "target": STEP_FUNCTIONS[spec.step_function].label if asks else method.label,
        "unit": unit(spec, method),
        "baseline": resolve_baseline(lm, spec.baseline) if "baseline" in method.options else "",
    }
