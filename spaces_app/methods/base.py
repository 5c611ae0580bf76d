"""What every attribution method has in common: its record, what it is asked, what it answers. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spaces_app.engine.backward.pass_splitting import pieces
from spaces_app.errors import NotSupported

BASELINES = ("auto", "mask", "unk", "pad", "eos", "zero", "mean")
COMBINATIONS = ("mean", "max", "rollout")
UNITS = ("token", "word", "sentence")
REMOVALS = ("replace", "delete")


@dataclass(frozen=True)
class AttributionRequest:
    """What a method is asked.

    score(logits (..., V), targets (...)) → (...): the number explained at each generated token.
    reduce((..., D)) → (...): how a token's hidden units become one score; the identity keeps them.
    features: (n_inputs,) integers, equal for inputs that are taken away together (a word, a sentence); None: each
    token on its own. The rest is as in AttributionSpec; a method reads what its `options` name.
    """

    score: Callable
    reduce: Callable
    baseline: str = "auto"
    n_steps: int = 50
    n_samples: int = 50
    noise: float = 0.0
    layer: str = "all"
    head: str = "all"
    combine: str = "mean"
    removal: str = "replace"
    seed: int = 0
    features: Any = None


@dataclass(frozen=True)
class AttributionScores:
    """Scores (G, n_inputs) of every input for every generated token, NaN where there is none, as a CPU tensor.

    For complete methods, per generated token: explained, the difference that the scores should add up to (before
    reduction), and convergence_gap, their sum minus it. remarks: sentences the reader of the scores needs.
    parts: finer scores behind them, by name: ({axis: labels}, tensor (..., G, n_inputs)), as for every layer.
    """

    scores: Any
    explained: tuple[float, ...] | None = None
    convergence_gap: tuple[float, ...] | None = None
    remarks: tuple[str, ...] = ()
    parts: dict[str, tuple[dict[str, tuple], Any]] = field(default_factory=dict)


def _takes_all(_lm) -> str:
    return ""


@dataclass(frozen=True)
class Method:
    """One attribution method.

    description: one line for people; source: the paper. signed: scores may be negative. complete: scores add up to
    the score minus the baseline's score. options: the AttributionSpec fields it listens to. attribute(run, ask) →
    Answer, where `run` is a ForcedPass. cost(load) → floating-point operations, where `load` is a Load. refuse(lm) →
    why it cannot explain a loaded model, one sentence, or "".
    """

    name: str
    label: str
    family: str
    description: str
    source: str
    signed: bool
    complete: bool
    options: tuple[str, ...]
    attribute: Callable
    cost: Callable
    refuse: Callable[[Any], str] = _takes_all


def check_method(method: Method, lm) -> None:
    """Raises NotSupported when the method cannot explain this model."""
    if lm.placement == "offload" and method.family == "gradient":
        raise NotSupported(
            "this model is only partly in memory, which leaves no room for gradients.",
            hint="Choose occlusion or attention.",
            field="method",
        )
    if reason := method.refuse(lm):
        raise NotSupported(reason, hint="Choose another method.", field="method")


@dataclass(frozen=True)
class CostInputs:
    """The size of a question: what a method's cost follows from. Letters as in shape comments."""

    facts: Any
    n_source: int
    n_prompt: int
    n_generated: int
    n_steps: int = 50
    n_samples: int = 50
    n_features: int = 0  # what is taken away at a time: words or sentences; 0 stands for single tokens
    layer: str = "all"

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

        Each piece (engine/pieces.py) is as long as its last target needs; a single point makes fewer than a path.
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


def total(values):
    """Sum over hidden units: keeps signs, and keeps completeness."""
    return values.sum(-1)


def l2(values):
    """Euclidean norm over hidden units."""
    return (values * values).sum(-1).sqrt()


def l1(values):
    """Sum of absolute values over hidden units."""
    return values.abs().sum(-1)


def mean(values):
    """Mean over hidden units."""
    return values.mean(-1)


def largest(values):
    """The hidden unit of largest magnitude, with its sign."""
    return values.gather(-1, values.abs().argmax(-1, keepdim=True))[..., 0]


REDUCTIONS: dict[str, Callable] = {"sum": total, "l2": l2, "l1": l1, "mean": mean, "max": largest}
SIGNED_REDUCTIONS = frozenset({"sum", "mean", "max"})
AGGREGATIONS = ("auto", *REDUCTIONS)


def reduction(method: Method, aggregation: str) -> str:
    """The name of the reduction meant: auto takes the sum for signed methods, else the L2 norm."""
    if aggregation != "auto":
        return aggregation
    return "sum" if method.signed else "l2"


# The names under which plug-ins may know them.
Ask, Answer, Load = AttributionRequest, AttributionScores, CostInputs
