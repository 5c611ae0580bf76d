"""Attention methods: where the model looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.methods.choices import chosen

if TYPE_CHECKING:
    from torch import Tensor

    from spaces_app.engine.forced import ForcedPass


TWO_SIDES = (
    "Attention to the source and attention to the output so far each sum to 1, so their sizes cannot be compared with"
    " each other."
)
MOST_CELLS = 1_000_000  # of finer scores in one result


def attention(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """Attention of the chosen layers and heads at the position that predicts the target: their mean, max, or rollout.

    Decoder-only: over all earlier tokens. Encoder-decoder: cross-attention over the source and, beside it, decoder
    self-attention over the output so far; under mean each of the two sums to 1. Rollout follows both together and
    sums to 1 over all inputs (see `_rollout`). Finer scores: each layer's mean or max over the chosen heads (under
    rollout: what has come together up to that layer), or each head's when one layer is chosen.
    """
    own, cross = run.attentions()
    layers = chosen(request.layer, len(own), "layer")
    heads = chosen(request.head, own[0].shape[0], "head")
    first, device = run.sequence.n_prompt - 1, own[0].device
    sides = [[side[layer][list(heads)].float().to(device) for layer in layers] for side in (cross, own) if side]
    remarks = (TWO_SIDES,) if cross and run.attribute_prefix and request.combine != "rollout" else ()
    if request.combine == "rollout":
        encoder = [weights.float().mean(0).to(device) for weights in run.encoder_attentions()]
        table = _rollout([[weights.mean(0) for weights in side] for side in sides], encoder)[:, first:]
        return layered(run, table, layers, table[-1])
    if len(layers) == 1:
        per_head = _joined([side[0][:, first:] for side in sides])  # (H, G, n_inputs)
        return layered(run, per_head, heads, _reduced(per_head, request.combine), axis="head", remarks=remarks)
    per_layer = own[0].new_zeros((len(layers), run.n_generated, run.n_inputs)).float()
    for table, *weights in zip(per_layer, *sides, strict=True):
        table[:] = _joined([_reduced(side[:, first:], request.combine) for side in weights])
    return layered(run, per_layer, layers, _reduced(per_layer, request.combine), remarks=remarks)


def layered(
    run: ForcedPass,
    finer: Tensor,
    labels: tuple[int, ...],
    scores: Tensor,
    *,
    axis: str = "layer",
    remarks: tuple[str, ...] = (),
) -> AttributionScores:
    """An answer of scores (G, n_inputs), and beside them the `finer` ones (len(labels), G, n_inputs) behind them.

    Finer scores are left out where there is only one, or so many that nobody could look at them.
    """
    scores = run.collect([(slice(None), scores)])
    if len(labels) == 1:
        return AttributionScores(scores, remarks=remarks)
    if finer.numel() > MOST_CELLS:
        left_out = f"The scores of every {axis} are left out: they would be {finer.numel():,} numbers."
        return AttributionScores(scores, remarks=(*remarks, left_out))
    finer = run.collect([(slice(None), finer.movedim(0, -1))]).movedim(-1, 0)
    return AttributionScores(scores, remarks=remarks, parts={f"{axis}_attributions": ({axis: labels}, finer)})


def _reduced(values: Tensor, combine: str) -> Tensor:
    """Mean or max over the first axis."""
    return values.amax(0) if combine == "max" else values.mean(0)


def _joined(sides: list[Tensor]) -> Tensor:
    """The columns of source (..., G, S), if there is one, and output (..., G, n) beside each other."""
    *source, own = sides
    n_source = source[0].shape[-1] if source else 0
    joined = own.new_zeros((*own.shape[:-1], n_source + own.shape[-1]))
    joined[..., n_source:] = own
    if source:
        joined[..., :n_source] = source[0]
    return joined


def _rollout(sides: list[list[Tensor]], encoder: list[Tensor]) -> Tensor:
    """Attention followed down through the layers (Abnar & Zuidema 2020). (L, n, n_inputs), rows sum to 1.

    A layer's output is taken to be half what attention brings and half what was there: A' = ½A + ½I, with A the mean
    over heads, and layers multiply. sides: own attention (n, n) of every layer, and before it cross-attention (n, S)
    where there is one; encoder: (S, S) of every encoder layer. With an encoder, R_enc is its rollout, and the decoder's
    states are mixtures M of source and output tokens, M = [0 | I] at first. Every layer makes M ← ½A_self·M + ½M, and
    then M ← ½[A_cross·R_enc | 0] + ½M.
    """
    *crosses, own = sides
    source = _eye(encoder[0]) if encoder else own[0].new_zeros((0, 0))
    for weights in encoder:
        source = (weights @ source + source) / 2
    n_source = source.shape[1]
    mixture = _joined([own[0].new_zeros((own[0].shape[0], n_source)), _eye(own[0])])
    table = mixture.new_zeros((len(own), *mixture.shape))
    for layer, weights in enumerate(own):
        mixture = (weights @ mixture + mixture) / 2
        if crosses:
            mixture = mixture / 2
            mixture[:, :n_source] += crosses[0][layer] @ source / 2
        table[layer] = mixture
    return table


def _eye(like: Tensor) -> Tensor:
    """The unit matrix of the size of a square one."""
    return like.new_ones(like.shape[0]).diag()


def _cost(inputs: CostInputs) -> float:
    return inputs.forward


ATTENTION = Method(
    name="attention",
    label="Attention",
    family="attention",
    description="Where the model looked when it wrote the token, over the layers and heads you choose.",
    source="https://arxiv.org/abs/1409.0473",
    signed=False,
    complete=False,
    options=("layer", "head", "combine"),
    attribute=attention,
    cost=_cost,
)
