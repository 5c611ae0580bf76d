"""Methods of value vectors: what attention brought from each token, and how a state changes without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces_app.methods.attention import layered
from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.choices import chosen

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass
    from spaces_app.models.loaded import LoadedModel


WIDE = 1300  # token rows of one pass
FAINT = 1e-5  # a smaller change of direction counts as none, as in Inseq
TWO_SIDES = (
    "Source tokens are compared among themselves and output tokens among themselves; each group sums to 1, so their"
    " sizes cannot be compared with each other."
)


def attention_norm(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """The size of what attention brings from each token, as a share of all it brings.

    In a layer, ‖Σ_h α_hij · (x_j W_V,h + b_V,h) W_O,h‖₂ (Kobayashi et al. 2020, equation 4): attention weights α at the
    position i that predicts the target, values of the tokens j behind them, and the output projection, summed over the
    chosen heads before the norm; without the projection's bias, which comes from no token. Divided by its sum over all
    tokens, of source and output together, so that every layer counts the same; the scores are the mean over layers.
    """
    facts = run.lm.facts
    layers = chosen(request.layer, facts.n_layers, "layer")
    sizes = run.value_norms(layers, chosen(request.head, facts.n_heads, "head"))
    shares = _shares(sizes)
    return layered(run, shares, layers, shares.mean(0))


def value_zeroing(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """How far the state that predicts the target turns when a token's value vectors are zero in one layer.

    In a layer, 1 − cos(state, state without the values of token j) at the layer's output (Mohebbi et al. 2023), as a
    share of its sum over all tokens j; the scores are the mean over the chosen layers. Other layers stay as they are.
    Of an encoder-decoder model: source tokens in cross-attention, and output tokens in the decoder's self-attention.
    """
    layers = chosen(request.layer, run.lm.facts.n_layers, "layer")
    changes = run.zeroed_values(layers)  # (L, G, n_inputs)
    changes[changes < FAINT] = 0
    n_source = run.sequence.n_source
    changes[..., n_source:] = _shares(changes[..., n_source:])
    changes[..., :n_source] = _shares(changes[..., :n_source])
    two_sides = run.encoder_decoder and run.attribute_prefix
    return layered(run, changes, layers, changes.mean(0), remarks=(TWO_SIDES,) if two_sides else ())


def _shares(values: Tensor) -> Tensor:
    """Divided by the sum of each row; a row of zeros stays."""
    total = values.sum(-1, keepdim=True)
    return values / total.where(total > 0, total.new_ones(()))


def _unread(lm: LoadedModel) -> str:
    from spaces_app.engine.attention.sites import refusal  # torch is not needed to know the methods

    return refusal(lm)


def _norm_cost(inputs: CostInputs) -> float:
    """A pass, and in every layer the values through the projection and weighted for every target."""
    facts, n_inputs = inputs.facts, inputs.n_source + inputs.n_decoder
    per_token = facts.d_model + inputs.n_generated * facts.n_heads
    return inputs.forward + 2.0 * len(chosen(inputs.layer, facts.n_layers)) * n_inputs * facts.d_model * per_token


def _zeroing_cost(inputs: CostInputs) -> float:
    """Passes over the sequence as it is, and copies of what stands behind an attention for every token and target.

    Behind the decoder's attention to itself are 8 of a layer's 12 d² weights, 10 of 14 where cross-attention follows,
    and 8 of 14 behind cross-attention.
    """
    facts, n_source, n_generated = inputs.facts, inputs.n_source, inputs.n_generated
    attended = 4.0 * facts.n_layers * facts.d_model * (n_source + inputs.n_decoder)
    weights = inputs.decoder_row - attended  # of one token through all layers
    mixing = 2.0 * facts.n_layers * facts.n_heads * facts.d_model
    passed, own = _rows(inputs.n_prompt, n_generated)
    cross = n_source * n_generated
    passed += min(4, n_generated) + -(-cross // WIDE) * n_generated  # 4: the cache is tried out first
    across = 4.0 * facts.n_layers * facts.d_model * n_source
    copies = own * (weights * (10 / 14 if n_source else 8 / 12) + mixing + across)
    copies += cross * (weights * 8 / 14 + mixing)
    moved = 2.0 * facts.n_layers * facts.d_model**2 * (n_source + inputs.n_decoder)
    share = len(chosen(inputs.layer, facts.n_layers)) / facts.n_layers
    return inputs.forward + passed * inputs.decoder_row + share * (copies + moved)


def _rows(n_prompt: int, n_generated: int) -> tuple[int, int]:
    """(token rows passed as they are, copies of token rows) while the decoder's tokens lose their values in turn."""
    copies = n_prompt * n_generated
    passed = -(-copies // WIDE) * n_generated
    left = n_generated - 1
    while left > 0:  # tokens of the output, in passes that begin where they stand
        tokens = min(left, round((3 * left) ** 0.5))
        passed, copies, left = passed + left, copies + tokens * left, left - tokens
    return passed, copies


ATTENTION_NORM = Method(
    name="attention_norm",
    label="Attention × value norm",
    family="attention",
    description="How much attention brought from each token: where it looked, times the size of what is there.",
    source="https://arxiv.org/abs/2004.10102",
    signed=False,
    complete=False,
    options=("layer", "head"),
    attribute=attention_norm,
    cost=_norm_cost,
    refuse=_unread,
)

VALUE_ZEROING = Method(
    name="value_zeroing",
    label="Value zeroing",
    family="attention",
    description="How far the model's state turns, layer by layer, when a token may be seen but brings nothing.",
    source="https://arxiv.org/abs/2301.12971",
    signed=False,
    complete=False,
    options=("layer",),
    attribute=value_zeroing,
    cost=_zeroing_cost,
    refuse=_unread,
)
