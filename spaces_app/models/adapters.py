"""How to run a model: the calls in which decoder-only and encoder-decoder models differ.

Positions, embedding scales, masks and caches stay the model's own: token ids go in, never `inputs_embeds`, and whoever
wants other embeddings replaces the output of the embedding module (engine/hooks.py). That is right for models that
scale inside the module (Gemma, BART, M2M100), outside it (Marian) or not at all, and for positions counted from ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from transformers import Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from spaces_app.errors import NotSupported
from spaces_app.models.facts import blocks
from spaces_app.models.loaded import LoadedModel


class LogitsOutput(Protocol):
    """What a model of either kind answers: logits (B, n, V), and attention weights where they were asked for."""

    logits: Tensor


@dataclass(frozen=True)
class Adapter:
    """One calling convention for both kinds of model. Sequences are full rows of ids: no padding, so no mask."""

    model: PreTrainedModel
    encoder_decoder: bool

    @classmethod
    def of(cls, lm: LoadedModel) -> Adapter:
        """The adapter of a LoadedModel."""
        return cls(lm.model, lm.facts.encoder_decoder)

    @property
    def head(self) -> nn.Module:
        """The module that turns hidden states into logits. Raises NotSupported when the model names none."""
        head = self.model.get_output_embeddings()
        if head is None:
            raise NotSupported("this model has no output layer over a vocabulary.", field="model")
        return head

    @property
    def embedding(self) -> nn.Module:
        """The module that embeds what the decoder reads."""
        part = self.model.get_decoder() if self.encoder_decoder else self.model
        return part.get_input_embeddings()

    @property
    def source_embedding(self) -> nn.Module:
        """The module that embeds what the encoder reads."""
        return self.model.get_encoder().get_input_embeddings()

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """All transformer blocks, the encoder's first; () for a model that is not built of them."""
        try:
            stacks = [self.model.get_encoder()] if self.encoder_decoder else []
            return tuple(block for stack in [*stacks, self.model.get_decoder()] for block in blocks(stack))
        except (AttributeError, NotSupported):
            return ()

    def encode(self, ids: Tensor) -> Tensor:
        """Hidden states of the source. ids (B, S) → (B, S, D)."""
        return self.model.get_encoder()(input_ids=ids).last_hidden_state

    def decode(
        self, ids: Tensor, *, states: Tensor | None = None, cache: Cache | None = None, attentions: bool = False
    ) -> LogitsOutput:
        """The model's output over decoder ids (B, n) after what `cache` holds; `states` (B, S, D) of the source."""
        options: dict[str, Any] = {"use_cache": cache is not None}
        if attentions:
            options["output_attentions"] = True
        if cache is not None:
            options["past_key_values"] = cache
        if self.encoder_decoder:
            encoded = BaseModelOutput(last_hidden_state=states)
            return self.model(encoder_outputs=encoded, decoder_input_ids=ids, **options)
        return self.model(input_ids=ids, **options)

    def new_cache(self, *, whole: bool) -> Cache:
        """An empty cache. `whole` keeps every position of every layer; else each layer keeps what it will look at.

        Encoder-decoder models always get a whole one: their configurations do not tell how many layers a decoder has.
        """
        if self.encoder_decoder:
            return EncoderDecoderCache(DynamicCache(), DynamicCache())
        return DynamicCache() if whole else DynamicCache(config=self.model.config.get_text_config(decoder=True))
