"""Step functions that compare: a token with another one, or one context with another.

z′ and y′ are the logits and the token on the other side. With another token at the same place, z′ is z itself; with
a run of its own, z′ comes from another prompt or another output and is a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from spaces_app.step_functions.base import CONTRAST, StepFunction
from spaces_app.step_functions.plain import balanced, exponentials, logit, partition, probability

if TYPE_CHECKING:
    from torch import Tensor


def contrast_logits(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """z′(y′): the logit of the other token."""
    return logit(other_logits, other_targets)


def contrast_prob(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """p′(y′): the probability of the other token."""
    return probability(other_logits, other_targets)


def contrast_logits_diff(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """z(y) − z′(y′): by how much the token beats the other one before the softmax."""
    return logit(logits, targets) - logit(other_logits, other_targets)


def contrast_prob_diff(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """p(y) − p′(y′)."""
    return probability(logits, targets) - probability(other_logits, other_targets)


def contrast_logprob_diff(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """ln p(y) − ln p′(y′): log odds, in nats."""
    if other_logits is logits:  # the same softmax on both sides
        return contrast_logits_diff(logits, targets, other_logits, other_targets)
    logits, other_logits = balanced(logits, targets), balanced(other_logits, other_targets)
    peak, total = partition(logits)
    other_peak, other_total = partition(other_logits)
    # Each logarithm of a sum over the vocabulary is a large number; their ratio keeps the digits of the difference.
    relative = (logit(logits, targets) - peak) - (logit(other_logits, other_targets) - other_peak)
    return relative - (total / other_total).log()


def pcxmi(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """−log2(p(y) / p′(y′)), in bits: positive where the other context makes the token likelier."""
    return -contrast_logprob_diff(logits, targets, other_logits, other_targets) / math.log(2)


def in_context_pvi(logits: Tensor, targets: Tensor, other_logits: Tensor, other_targets: Tensor) -> Tensor:
    """−ln p(y) + ln p′(y′), in nats: the information the other context brings."""
    return -contrast_logprob_diff(logits, targets, other_logits, other_targets)


def kl_divergence(
    logits: Tensor,
    targets: Tensor,
    other_logits: Tensor,
    other_targets: Tensor,
    *,
    filter_top_k: int = 0,
    filter_top_p: float = 1.0,
) -> Tensor:
    """KL(P ‖ P′) = Σ P (ln P − ln P′), in nats, over the whole vocabulary or its likeliest tokens.

    A filter keeps the tokens that are likeliest by the sum of both runs' logits, top-p first and then top-k, and both
    distributions are renormalised over them (as Inseq does).
    """
    ours, theirs = _filtered(logits, other_logits, filter_top_k, filter_top_p)
    return _kl(ours, theirs)


def kl_divergence_reverse(
    logits: Tensor,
    targets: Tensor,
    other_logits: Tensor,
    other_targets: Tensor,
    *,
    filter_top_k: int = 0,
    filter_top_p: float = 1.0,
) -> Tensor:
    """KL(P′ ‖ P), in nats; filters as in `kl_divergence`."""
    ours, theirs = _filtered(logits, other_logits, filter_top_k, filter_top_p)
    return _kl(theirs, ours)


def _kl(logits: Tensor, other_logits: Tensor) -> Tensor:
    ours, powers, total = exponentials(logits)
    theirs, _, other_total = exponentials(other_logits)
    return (powers * (ours - theirs)).sum(-1) / total - (total / other_total).log()


def _filtered(logits: Tensor, other_logits: Tensor, top_k: int, top_p: float) -> tuple[Tensor, Tensor]:
    if top_p < 1:
        ascending = (logits + other_logits).sort(-1)
        removed = ascending.values.softmax(-1).cumsum(-1) <= 1 - top_p
        removed[..., -1] = False
        removed = removed.scatter(-1, ascending.indices, removed)
        logits = logits.masked_fill(removed, -math.inf)
        other_logits = other_logits.masked_fill(removed, -math.inf)
    if top_k > 0:
        merged = logits + other_logits
        removed = merged < merged.topk(min(top_k, merged.shape[-1])).values[..., -1:]
        logits = logits.masked_fill(removed, -math.inf)
        other_logits = other_logits.masked_fill(removed, -math.inf)
    return logits, other_logits


_YIN = "https://aclanthology.org/2022.emnlp-main.14"
_FERNANDES = "https://arxiv.org/abs/2109.07446"
_KULLBACK = "https://doi.org/10.1214/aoms/1177729694"
_LU = "https://arxiv.org/abs/2310.12300"
_FILTERS = ("filter_top_k", "filter_top_p")
_TWO_RUNS = tuple(name for name in CONTRAST if name != "contrast_context")  # a divergence always has two runs


def _record(fn: Callable, label: str, unit: str, formula: str, source: str, compares: str = "token") -> StepFunction:
    options = _TWO_RUNS + _FILTERS if compares == "distribution" else CONTRAST
    return StepFunction(fn.__name__, label, unit, formula, source, fn, options, compares)


CONTRASTIVE = (
    _record(contrast_logits, "Contrast logit", "logit", "z′(y′)", _YIN),
    _record(contrast_prob, "Contrast probability", "probability", "p′(y′)", _YIN),
    _record(contrast_logits_diff, "Logit difference", "logit", "z(y) − z′(y′)", _YIN),
    _record(contrast_prob_diff, "Probability difference", "probability", "p(y) − p′(y′)", _YIN),
    _record(contrast_logprob_diff, "Log odds", "nats", "ln p(y) − ln p′(y′)", _YIN),
    _record(pcxmi, "P-CXMI", "bits", "−log2(p(y) / p′(y′))", _FERNANDES, "context"),
    _record(in_context_pvi, "In-context PVI", "nats", "−ln p(y) + ln p′(y′)", _LU, "context"),
    _record(kl_divergence, "KL divergence", "nats", "Σ P (ln P − ln P′)", _KULLBACK, "distribution"),
    _record(kl_divergence_reverse, "KL divergence, reversed", "nats", "Σ P′ (ln P′ − ln P)", _KULLBACK, "distribution"),
)
