"""From a spec to the ids of its run: what the model reads and what it writes. Runs in a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces_app.engine.generate import check_length, generate
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.analyses.shared.fields import GenerationFields
    from spaces_app.models.loaded import LoadedModel


Ids = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # source, prompt, generated


def sequence_ids(spec: GenerationFields, lm: LoadedModel, tick: Tick) -> Ids:
    """(source, prompt, generated) ids: the output of the link, the forced one, or what the model writes now."""
    encoded = tuple(lm.encode_prompt(spec.prompt))
    source, prompt = (encoded, tuple(lm.decoder_start)) if lm.facts.encoder_decoder else ((), encoded)
    check_length(lm, (source, prompt, ()))
    if spec.continuation_ids:
        generated = tuple(spec.continuation_ids)
        lm.check_ids(generated)
    elif spec.continuation:
        generated = tuple(lm.encode_continuation(spec.prompt, spec.continuation))
    else:
        sampling = (spec.temperature, spec.top_p, spec.seed)
        generated = generate(lm, (source, prompt), max_new_tokens=spec.max_new_tokens, sampling=sampling, tick=tick)
    check_length(lm, (source, prompt, generated))
    return source, prompt, generated
