"""The answer to a SurprisalSpec. Runs in a lane."""

from __future__ import annotations

import math

from spaces_app.analyses.shared.ids import sequence_ids
from spaces_app.analyses.shared.notes import model_notes
from spaces_app.analyses.surprisal.spec import SurprisalSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.engine.forced import ForcedPass
from spaces_app.results import Result
from spaces_app.step_functions.plain import crossentropy


def compute(spec: SurprisalSpec, lm, tick, settings) -> Result:
    """-log p of every written token, (G,). Raises SpecError for texts that do not fit the model."""
    ids = sequence_ids(spec, lm, tick)
    run = ForcedPass(lm, ids, chunk_mb=settings.chunk_mb, tick=tick)
    nats = run.scores(crossentropy).numpy()  # (G,)
    values = nats / math.log(2) if spec.unit == "bits" else nats
    return Result(
        spec=spec.replace(revision=spec.revision or lm.revision, continuation_ids=ids[2]),
        tokens=tuple(lm.tokens(*ids)),
        arrays={"surprisal": NamedArray(values, {"generated": positions(len(values))}, spec.unit)},
        notes=model_notes(spec, lm) | {"warnings": [*lm.notes, *lm.warnings(spec.prompt, spec.continuation)]},
    )
