"""Attention methods: where the model looked. Knows nothing of what it then did with what it saw."""

from __future__ import annotations

from spaces_app.methods.base import Answer, Ask, Load, Method

TWO_SIDES = (
    "Attention to the source and attention to the output so far each sum to 1, so their sizes cannot be compared with"
    " each other."
)


def attention(run, ask: Ask) -> Answer:
    """Mean attention over layers and heads, at the position that predicts the target.

    Decoder-only: one distribution over all earlier tokens. Encoder-decoder: cross-attention over the source and,
    beside it, decoder self-attention over the output so far; each of the two sums to 1.
    """
    own, cross = run.attentions()
    first = run.sequence.n_prompt - 1
    rows = _mean(own)[first:]  # (G, n_decoder)
    if not cross:
        return Answer(run.collect([(slice(None), rows)]))
    source = _mean(cross)[first:]  # (G, S)
    both = rows.new_zeros(run.n_generated, run.n_inputs)
    both[:, : source.shape[1]] = source
    both[:, source.shape[1] :] = rows
    return Answer(run.collect([(slice(None), both)]), remarks=(TWO_SIDES,) if run.attribute_prefix else ())


def _mean(layers: list):
    """Mean over layers and heads of per-layer weights (H, n, m): (n, m)."""
    total = sum(weights.float().mean(0).to(layers[0].device) for weights in layers)
    return total / len(layers)


def _cost(load: Load) -> float:
    return load.forward


ATTENTION = Method(
    name="attention",
    label="Attention",
    family="attention",
    description="Where the model looked when it wrote the token, averaged over layers and heads.",
    source="https://arxiv.org/abs/1409.0473",
    signed=False,
    complete=False,
    options=(),
    attribute=attention,
    cost=_cost,
)
