"""The facts of a model as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What the engine must know of a model, asked of its modules and configuration and never of its name.

    `n_layers`, `n_heads` and `d_model` describe the decoder; `n_encoder_layers` is 0 without an encoder. `d_vocab`
    counts the rows of the input embeddings, which may be more than the tokenizer has tokens. `max_positions` is None
    where positions are relative and so unlimited. Ids are None when the tokenizer has no such token. For models that
    translate between many languages, `languages` is (source, target), and the target's tag is `forced_bos_id` or, where
    outputs begin with nothing else (mBART), `decoder_start_id`.
    """

    encoder_decoder: bool
    n_layers: int
    n_encoder_layers: int
    n_heads: int
    d_model: int
    d_vocab: int
    max_positions: int | None
    max_source_positions: int | None
    gated_mlp: bool
    decoder_start_id: int | None
    forced_bos_id: int | None
    eos_ids: tuple[int, ...]
    pad_id: int | None
    bos_id: int | None
    unk_id: int | None
    mask_id: int | None
    n_params: int
    languages: tuple[str, ...] = ()
