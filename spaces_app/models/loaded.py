"""A model ready to be explained: its weights, tokenizer and facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spaces_app.errors import SpecError
from spaces_app.models.codec import Codec
from spaces_app.models.model_facts import Facts
from spaces_app.models.resolve import Source
from spaces_app.tokens import Token

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class LoadedModel:
    """Weights in eval mode without parameter gradients, the tokenizer beside them, and the facts of both.

    `device` is where the input embeddings are and where ids belong; `dtype` what is computed in. `attention` is the
    implementation chosen at load and never changed. `placement` says where the weights are: "cpu", "cuda:0", a
    split over several GPUs ("cuda:0+cuda:1"), or "offload", which allows analyses without gradients only. `notes`
    are sentences for people about choices made while loading.
    """

    id: str
    revision: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    facts: Facts
    device: torch.device
    dtype: torch.dtype
    n_bytes: int
    source: Source
    codec: Codec = field(repr=False)
    attention: str = "eager"
    placement: str = "cpu"
    notes: tuple[str, ...] = ()

    @property
    def decoder_start(self) -> list[int]:
        """The ids an encoder-decoder model's output begins with: decoder start and, if forced, a first token."""
        if not self.facts.encoder_decoder:
            return []
        ids = (self.facts.decoder_start_id, self.facts.forced_bos_id)
        return [token_id for token_id in ids if token_id is not None]

    def encode_prompt(self, text: str) -> list[int]:
        """Ids of the prompt, with the special tokens the tokenizer adds by itself. At least one token of text.

        Decoder-only models: without an end mark, since the text goes on. Encoder-decoder models: the source text
        with end mark and language tag. Marks that the text was pasted with are not added again. Raises SpecError for
        a text of which nothing is left.
        """
        ids = self.codec.prompt(text)
        self.check_ids(ids, "prompt")
        return ids

    def encode_continuation(self, prompt: str, text: str) -> list[int]:
        """Ids of a forced output after `prompt`, such that prompt and output together read as one text.

        Decoder-only models: the ids that follow those of `encode_prompt(prompt)`. A space is put between where
        two words would run together. Encoder-decoder models: the target text with its end mark, without
        `decoder_start`. Raises SpecError for a text of which nothing is left.
        """
        ids = self.codec.target(text) if self.facts.encoder_decoder else self.codec.continuation(prompt, text)
        self.check_ids(ids, "continuation")
        return ids

    def encode_beginning(self, text: str) -> list[int]:
        """Ids of `text` as an encoder-decoder model's output begins with it: without the end mark or what else ends it.

        Raises SpecError for a text of which nothing is left.
        """
        ids = self.codec.beginning(text)
        self.check_ids(ids, "continuation")
        return ids

    def tokens(
        self, source_ids: Sequence[int], prompt_ids: Sequence[int], generated_ids: Sequence[int]
    ) -> tuple[Token, ...]:
        """Tokens as people read them, in the order source, prompt, generated.

        Texts keep their leading spaces, and joining those that are not special gives the decoded text.
        """
        written = [*prompt_ids, *generated_ids]
        texts = self.codec.texts(source_ids) + self.codec.texts(written)
        segments = ["source"] * len(source_ids) + ["prompt"] * len(prompt_ids) + ["generated"] * len(generated_ids)
        ids = [*source_ids, *written]
        special = self.codec.special
        return tuple(Token(i, text, segment, special(i)) for i, text, segment in zip(ids, texts, segments, strict=True))

    def warnings(self, prompt: str, continuation: str = "", *, whole: bool = True) -> tuple[str, ...]:
        """Sentences about what tokenizing did to the texts, such as characters it changed; empty when nothing.

        `whole` is False for a prompt that stands inside another text, such as a chat template's.
        """
        return self.codec.warnings(prompt, continuation, whole=whole)

    def check_ids(self, ids: Sequence[int], name: str = "continuation_ids") -> None:
        """Raises SpecError unless every id has a row in the embeddings: others would end the process on a GPU."""
        for token_id in ids:
            if not 0 <= token_id < self.facts.d_vocab:
                raise SpecError(
                    f"token id {token_id} is outside the model's vocabulary of {self.facts.d_vocab:,}.", field=name
                )
