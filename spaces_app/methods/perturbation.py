"""Perturbation methods: change the input and see how the score moves. No gradients."""

from __future__ import annotations

import numpy as np

from spaces_app.methods.base import Answer, Ask, Load, Method


def occlusion(run, ask: Ask) -> Answer:
    """score(input) − score(input with one token's embedding replaced by the baseline), token by token.

    Positive where the token supports the target. Inseq 0.7.1 gives the absolute value; here the sign stays.
    A token whose baseline is its own embedding (an end mark) has nothing to lose: exactly 0.
    """
    baseline = run.baseline(ask.baseline)
    differs = np.array((run.embeds != baseline).any(-1).tolist())
    rows = np.flatnonzero(differs)
    fall = run.embeds.new_zeros(run.n_generated, run.n_inputs)
    if len(rows):
        kept = np.ones((len(rows), run.n_inputs), dtype=bool)
        kept[np.arange(len(rows)), rows] = False
        without = run.replaced(ask.score, kept, baseline)  # (R, G)
        there = run.scores(ask.score).to(without.device, without.dtype)  # (G,)
        fall[:, rows] = (there - without).T.to(fall.dtype)
    return Answer(run.collect([(slice(None), fall)]))


def _cost(load: Load) -> float:
    """Source tokens: a whole pass each. Decoder tokens: what comes after them, and the targets there."""
    after = load.n_decoder * (load.n_decoder / 2 * load.decoder_row + 0.75 * load.n_generated * load.head_row)
    return 2.5 * load.forward + load.n_source * load.forward + after


OCCLUSION = Method(
    name="occlusion",
    label="Occlusion",
    family="perturbation",
    description="How much the target falls when a token is taken away, one token at a time.",
    source="https://arxiv.org/abs/1311.2901",
    signed=True,
    complete=False,
    options=("step_function", "baseline"),
    attribute=occlusion,
    cost=_cost,
)
