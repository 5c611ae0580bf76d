"""What a method's cost follows from, and the cost of the passes that methods are made of. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spaces_app.engine.backward.pass_splitting import pieces
from spaces_app.methods.options import MethodOptions

if TYPE_CHECKING:
    from spaces_app.models.model_facts import Facts


@dataclass(frozen=True)
class CostInputs(MethodOptions):
    """What a method's cost follows from: the model, the token counts of a question, and the method's options.

    facts: sizes of the model, as in models/facts.py. n_source: tokens read by an encoder, 0 without one. n_prompt:
    tokens given to the decoder. n_generated: tokens written, at most. own: the method's own options, by name.
    """

    facts: Facts
    n_source: int
    n_prompt: int
    n_generated: int
    n_features: int = 0  # what is taken away at a time: words or sentences; 0 stands for single tokens
    own: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def n_decoder(self) -> int:
        """Tokens the decoder reads: prompt and all generated ones but the last."""
        return self.n_prompt + self.n_generated - 1

    @property
    def source_row(self) -> float:
        """Operations for one source token, forward or backward: 2 per weight, and its attention.

        It goes through the encoder, and through the keys and values of the decoder's cross-attention.
        """
        if not self.n_source:
            return 0.0
        facts = self.facts
        weights = self._n_body * self._encoder_share + self._n_cross
        return 2.0 * weights + 4.0 * facts.n_encoder_layers * facts.d_model * self.n_source

    @property
    def decoder_row(self) -> float:
        """Operations for one token through the decoder, forward or backward."""
        weights = self._n_body * (1 - self._encoder_share) - self._n_cross
        return 2.0 * weights + 4.0 * self.facts.n_layers * self.facts.d_model * (self.n_source + self.n_decoder)

    @property
    def head_row(self) -> float:
        """Operations for the logits of one target."""
        return 2.0 * self.facts.d_model * self.facts.d_vocab

    @property
    def forward(self) -> float:
        """One pass over everything, with the logits of all targets."""
        body = self.n_source * self.source_row + self.n_decoder * self.decoder_row
        return body + self.n_generated * self.head_row

    @property
    def gradients(self) -> float:
        """Every target's gradient down to the embeddings, for each of many points of a path: see `once`."""
        return self._in_pieces(float("inf"))

    @property
    def once(self) -> float:
        """Every target's gradient down to the embeddings: forward in pieces, then back for each target.

        Each piece (engine/backward/pass_splitting.py) is as long as its last target needs; a single point makes fewer
        than a path.
        """
        return self._in_pieces(1)

    def _in_pieces(self, n_points: float) -> float:
        count = max(1.0, pieces(self.n_generated, self.n_source + self.n_prompt, n_points=n_points))
        length = self.n_prompt + self.n_generated * (count + 1) / (2 * count)  # of a piece, on average
        row = self.n_source * self.source_row + length * self.decoder_row
        return (count + self.n_generated) * row + 2 * self.n_generated * self.head_row

    @property
    def _n_body(self) -> float:
        """Weights every token passes through: all but the embeddings."""
        return max(self.facts.n_params - self.facts.d_vocab * self.facts.d_model, self.facts.n_params // 8)

    @property
    def _n_cross(self) -> float:
        """Weights of the keys and values of cross-attention, through which the source goes instead of the output."""
        return 2.0 * self.facts.n_layers * self.facts.d_model**2 if self.n_source else 0.0

    @property
    def _encoder_share(self) -> float:
        """Part of the body that is encoder: 12 d² weights per layer there, 16 d² in a decoder with cross-attention."""
        if not self.n_source:
            return 0.0
        encoder, decoder = 12 * self.facts.n_encoder_layers, 16 * self.facts.n_layers
        return encoder / (encoder + decoder)
