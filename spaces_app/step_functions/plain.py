"""Step functions of one distribution: numbers that follow from the logits at the step and the token written there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spaces_app.step_functions.base import StepFunction

if TYPE_CHECKING:
    from torch import Tensor


def partition(logits: Tensor) -> tuple[Tensor, Tensor]:
    """(max z, Σ e^(z − max z)), (...) each: the denominator of the softmax in two numbers that cannot overflow."""
    peak = logits.detach().amax(-1)
    return peak, (logits - peak[..., None]).exp_().sum(-1)


def exponentials(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(z − max z, its exponentials, their sum): (..., V), (..., V), (...).

    Logits of −∞ become −1e30, of which the exponential is 0 as well, while 0 · −∞ and −∞ − (−∞) would be NaN.
    """
    relative = (logits - logits.detach().amax(-1, keepdim=True)).clamp_min_(-1e30)
    powers = relative.exp()
    return relative, powers, powers.sum(-1)


def logit(logits: Tensor, targets: Tensor) -> Tensor:
    """The raw score of the token, z_y: (..., V) → (...)."""
    index = targets.expand(logits.shape[:-1])[..., None]
    return logits.gather(-1, index)[..., 0]


def balanced(logits: Tensor, targets: Tensor) -> Tensor:
    """The logits, for a score that no constant added to them changes: its gradient at a sure token is less all others.

    That gradient is a multiple of 1 − p_y, which is 0 in float32 long before the others' are: with p_y = 1 − 1e-6 it is
    6 % off, with 1 − 1e-8 it is missing. Below p_y = 1/2 nothing is lost, and nothing is changed.
    """
    if not logits.requires_grad:
        return logits
    index, values = targets.expand(logits.shape[:-1])[..., None], logits.detach()
    sure = values.gather(-1, index) - values.logsumexp(-1, keepdim=True) > -math.log(2)  # (..., 1)
    if not sure.any():
        return logits
    own = logits.view_as(logits)

    def put_right(gradient: Tensor) -> Tensor:
        others = gradient.scatter(-1, index, 0.0)
        return others.scatter_(-1, index, gradient.gather(-1, index).where(~sure, -others.sum(-1, keepdim=True)))

    own.register_hook(put_right)
    return own


def log_probability(logits: Tensor, targets: Tensor) -> Tensor:
    """ln p_y, in nats; never positive. Computed from the logits, so it stays finite where p underflows."""
    return logit(balanced(logits, targets).log_softmax(-1), targets)


def probability(logits: Tensor, targets: Tensor) -> Tensor:
    """p_y, the softmax of the logits at the token."""
    return logit(balanced(logits, targets).softmax(-1), targets)


def entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """−Σ p ln p over the vocabulary, in nats: how undecided the model was, whatever token came out."""
    relative, powers, total = exponentials(logits)
    return total.log() - (powers * relative).sum(-1) / total


def crossentropy(logits: Tensor, targets: Tensor) -> Tensor:
    """−ln p_y, in nats: how surprised the model was by the token."""
    return -log_probability(logits, targets)


def perplexity(logits: Tensor, targets: Tensor) -> Tensor:
    """exp(−ln p_y) = 1 / p_y: among how many equally likely tokens the choice would have been as hard.

    Inseq 0.7.1 raises 2 to a power in nats, which is no perplexity; here base and unit agree.
    """
    return crossentropy(logits, targets).exp()


def top_p_size(logits: Tensor, targets: Tensor, *, nucleus: float) -> Tensor:
    """How many of the likeliest tokens it takes to cover the probability `nucleus`; at least one."""
    ascending = logits.sort(-1).values.softmax(-1).cumsum(-1)
    return (ascending > 1 - nucleus).sum(-1).clamp_min(1).to(logits.dtype)


def dropout_score(logits: Tensor, targets: Tensor, draws: Tensor) -> Tensor:
    """(p_y − mean) / standard deviation (n − 1) of p_y over passes with dropout, `draws` (n, g).

    How far the plain probability lies from the noisy ones; not an average. The draws are of the sequence as it is
    and stay what they are when the input is changed to explain the score.
    """
    return (probability(logits, targets) - draws.mean(0)) / draws.std(0).clamp_min(1e-12)


_GOODFELLOW = "https://www.deeplearningbook.org/contents/mlp.html"
_SHANNON = "https://doi.org/10.1002/j.1538-7305.1948.tb01338.x"

PLAIN = (
    StepFunction("probability", "Probability", "probability", "p(y)", _GOODFELLOW, probability),
    StepFunction("log_probability", "Log-probability", "nats", "ln p(y)", _GOODFELLOW, log_probability),
    StepFunction("logit", "Logit", "logit", "z(y)", _GOODFELLOW, logit),
    StepFunction("entropy", "Entropy", "nats", "−Σ p ln p", _SHANNON, entropy),
    StepFunction("crossentropy", "Cross-entropy", "nats", "−ln p(y)", _SHANNON, crossentropy),
)
ON_REQUEST = (
    StepFunction(
        "perplexity", "Perplexity", "tokens", "exp(−ln p(y))", "https://doi.org/10.1121/1.2016299", perplexity
    ),
    StepFunction(
        "top_p_size",
        "Top-p size",
        "tokens",
        "how many likeliest tokens cover the probability",
        "https://arxiv.org/abs/1904.09751",
        top_p_size,
        options=("nucleus",),
        no_gradient="a count of tokens moves in whole steps, so it has no gradient.",
    ),
    StepFunction(
        "mc_dropout_prob_avg",
        "Dropout z-score",
        "standard deviations",
        "(p(y) − mean p(y) with dropout) / its standard deviation",
        "https://arxiv.org/abs/1506.02142",
        dropout_score,
        options=("n_dropout", "seed"),
        compares="dropout",
        no_gradient="the passes with dropout are not followed back, so this score has no gradient.",
    ),
)
