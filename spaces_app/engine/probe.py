"""A short sequence on which to find out, once per model, how a model is built."""

from __future__ import annotations

from spaces_app.engine.forward import Body, Sequence
from spaces_app.engine.progress import Progress
from spaces_app.models.adapters import Adapter
from spaces_app.models.loaded import LoadedModel

N_SOURCE, N_DECODER = 5, 4  # different, so that a key's length tells which side it came from


def probe(lm: LoadedModel) -> Body:
    """Passes over a few ordinary tokens: N_SOURCE ids for an encoder, N_DECODER for the decoder, one target."""
    special = {lm.facts.pad_id, lm.facts.bos_id, lm.facts.unk_id, *lm.facts.eos_ids}
    ids = [token for token in range(lm.facts.d_vocab) if token not in special] or [0]
    ids = [ids[(7 * i + 3) % len(ids)] for i in range(N_SOURCE + N_DECODER + 1)]
    source = tuple(ids[:N_SOURCE]) if lm.facts.encoder_decoder else ()
    sequence = Sequence.of((source, tuple(ids[N_SOURCE:-1]), tuple(ids[-1:])), lm.device)
    return Body(Adapter.of(lm), sequence, lambda *_: None, Progress(lambda *_: None))
