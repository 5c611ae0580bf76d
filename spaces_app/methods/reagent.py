"""ReAGent, the recursive attribution generator: exchange random tokens for plausible ones until the rest suffices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method

if TYPE_CHECKING:
    from spaces_app.engine.forced import ForcedPass
    from spaces_app.engine.variants.substitutions import Exchange


PROBES = 16
KEPT = 5  # the most important tokens, which alone should suffice
TOP = 3  # they do when the target is among the likeliest three
RATIO = 0.3  # of the tokens are exchanged in an update
CANDIDATES = 50  # plausible tokens for a place
PARTING = 1.5
BOUND = 1 - 1e-3  # of a difference of scores, whose log-odds would be infinite at 1
UNSETTLED = (
    "For {n} of {total} output tokens no probe found five tokens that suffice within {steps} steps; their scores are of"
    " the tokens that mattered most until then."
)


def reagent(run: ForcedPass, request: AttributionRequest) -> AttributionScores:
    """The probability that each token is the important one, by the mean of PROBES chains of updates.

    An update exchanges RATIO of the tokens and adds the log-odds of (1 + Δ) / 2, Δ the fall of the score, to the logits
    of exchanged tokens, and takes it from the others. A chain ends once the target stays in the TOP after all but the
    KEPT highest tokens are exchanged, and after n_steps at the latest; chains that ended count, or all where none did.

    Differs from Inseq 0.7.1: what takes a token's place is drawn from the model's own distribution there rather than
    from a part of speech. All targets share their draws (a prefix of random draws is random draws), so that one pass
    serves many. Special tokens stay and score 0. A target whose chains never end gets numbers instead of NaN. Scores
    other than probabilities are divided by the largest difference of their target where that is above 1.
    """
    random, exchange = np.random.default_rng(request.seed), run.exchange()
    chains = _Chains(run, random, exchange)
    there = run.scores(request.score).numpy()  # (G,)
    for update in range(request.n_steps):
        run.tick(update, request.n_steps, "Exchanging tokens")
        if not chains.open.any():
            break
        exchanged = (random.random((PROBES, run.n_inputs)) < RATIO) & chains.free
        ids = np.where(exchanged, chains.drawn(PROBES), chains.own)
        falls = there - exchange.scores(request.score, ids).double().cpu().numpy()  # (PROBES, G)
        chains.update(exchanged, falls)
        chains.close(exchange)
    run.tick(request.n_steps, request.n_steps, "Exchanging tokens")
    never = int(chains.open.all(0).sum())
    remark = UNSETTLED.format(n=never, total=run.n_generated, steps=request.n_steps)
    scores = run.scores(request.score).new_tensor(chains.importance())
    return AttributionScores(run.collect([(slice(None), scores)]), remarks=(remark,) if never else ())


class _Chains:
    """The state of PROBES chains for each of G targets.

    own: (n_inputs,) ids; free: (n_inputs,) bool, what may be exchanged; visible: (G, n_inputs) bool, of these what
    stands before a target; logits: (PROBES, G, n_inputs); open: (PROBES, G) bool.
    """

    def __init__(self, run: ForcedPass, random: np.random.Generator, exchange: Exchange):
        self.random, self.own = random, exchange.own.cpu().numpy()
        ids, weights = exchange.alternatives(CANDIDATES)
        self.ids = ids.numpy()  # (n_inputs, k)
        # One rising table for all places, so that one search finds the draws of all of them.
        share = weights.numpy().cumsum(1)
        self.table = (share / share[:, -1:] + np.arange(len(share))[:, None]).reshape(-1)
        self.free = run.deletable().numpy()
        self.visible = run.before().numpy() & self.free
        self.logits = random.random((PROBES, 1, run.n_inputs)).repeat(run.n_generated, 1)
        self.open = np.ones((PROBES, run.n_generated), dtype=bool) & self.visible.any(1)

    def drawn(self, times: int) -> np.ndarray:
        """Plausible other ids for every place. (times, n_inputs)"""
        n_inputs, count = self.ids.shape
        wanted = self.random.random((times, n_inputs)) + np.arange(n_inputs)
        at = np.searchsorted(self.table, wanted) - count * np.arange(n_inputs)
        return self.ids[np.arange(n_inputs), at.clip(0, count - 1)]

    def update(self, exchanged: np.ndarray, falls: np.ndarray) -> None:
        """Logits after an update. exchanged: (PROBES, n_inputs) bool; falls: (PROBES, G)."""
        falls = (falls / np.abs(falls).max(0).clip(min=1.0)).clip(-BOUND, BOUND)
        odds = np.log1p(falls) - np.log1p(-falls)  # (PROBES, G)
        signs = np.where(exchanged, 1.0, -1.0)
        change = np.where(self.open, odds, 0.0)[:, :, None] * signs[:, None, :]
        self.logits += np.where(self.visible, change, 0.0)

    def close(self, exchange: Exchange) -> None:
        """Ends the chains whose highest tokens suffice."""
        ranked = np.where(self.visible, self.logits, -np.inf)
        kept = np.zeros_like(self.visible, dtype=bool)[None].repeat(PROBES, 0)
        np.put_along_axis(kept, (-ranked).argsort(2, kind="stable")[:, :, :KEPT], True, 2)
        ids = np.where(self.visible & ~kept, self.drawn(PROBES)[:, None], self.own)  # (PROBES, G, n_inputs)
        _, targets = np.nonzero(self.open)
        self.open[self.open] = exchange.ranks(ids[self.open], targets).cpu().numpy() >= TOP

    def importance(self) -> np.ndarray:
        """Mean softmax of the chains that ended, of all where none did. (G, n_inputs)"""
        ranked = np.where(self.visible, self.logits, -np.inf)
        top = ranked.max(2, keepdims=True)
        each = np.exp(ranked - np.where(np.isfinite(top), top, 0.0))
        each /= each.sum(2, keepdims=True).clip(min=1e-300)
        ended = ~self.open | self.open.all(0)  # (PROBES, G)
        return (each * ended[:, :, None]).sum(0) / ended.sum(0)[:, None]


def _cost(inputs: CostInputs) -> float:
    """Chains that never end: every update passes each probe over everything, and over what the KEPT tokens leave.

    A pass for one target serves the one before it unless the token between is among the KEPT, which in a random order
    of t tokens it is with probability KEPT / t; counted on small models, PARTING times that, as their chains part.
    """
    alone = inputs.n_source * inputs.source_row + inputs.n_decoder * inputs.decoder_row
    for length in range(inputs.n_prompt, inputs.n_decoder):
        row = inputs.n_source * inputs.source_row + length * inputs.decoder_row
        alone += row * min(1.0, PARTING * KEPT / (inputs.n_source + length + 1))
    update = inputs.forward + alone + inputs.n_generated * inputs.head_row
    return inputs.n_steps * PROBES * update + 2 * inputs.forward


REAGENT = Method(
    name="reagent",
    label="ReAGent",
    family="perturbation",
    description="Exchanges tokens for others the model finds plausible until the few that remain suffice.",
    source="https://arxiv.org/abs/2402.00794",
    signed=False,
    complete=False,
    options=("step_function", "n_steps", "seed"),
    attribute=reagent,
    cost=_cost,
)
