"""Step functions: values that can be done in the head."""

from __future__ import annotations

import dataclasses
import functools
import math

import pytest
import torch

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.step_functions import ALWAYS, STEP_FUNCTIONS, contrastive, plain

# Softmax of (0, ln 2, ln 5) is (1/8, 2/8, 5/8); of (ln 4, ln 3, 0) it is (1/2, 3/8, 1/8).
LOGITS = torch.tensor([0.0, math.log(2), math.log(5)], dtype=torch.float64)
TARGET = torch.tensor(1)
OTHER = torch.tensor([math.log(4), math.log(3), 0.0], dtype=torch.float64)
OTHER_TARGET = torch.tensor(0)
DRAWS = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)  # mean 0.2, standard deviation 0.1
ENTROPY = (math.log(8) + 2 * math.log(4) + 5 * math.log(1.6)) / 8
VALUES = {
    "logit": math.log(2),
    "probability": 0.25,
    "log_probability": -math.log(4),
    "entropy": ENTROPY,
    "crossentropy": math.log(4),
    "perplexity": 4.0,
    "top_p_size": 2.0,  # 5/8 alone do not cover 0.8
    "mc_dropout_prob_avg": 0.5,
    "contrast_logits": math.log(4),
    "contrast_prob": 0.5,
    "contrast_logits_diff": -math.log(2),
    "contrast_prob_diff": -0.25,
    "contrast_logprob_diff": -math.log(2),
    "pcxmi": 1.0,
    "in_context_pvi": math.log(2),
    "kl_divergence": math.log(1 / 4) / 8 + math.log(2 / 3) / 4 + 5 * math.log(5) / 8,
    "kl_divergence_reverse": math.log(4) / 2 + 3 * math.log(3 / 2) / 8 + math.log(1 / 5) / 8,
}
OPTIONS = {"nucleus": 0.8, "filter_top_k": 0, "filter_top_p": 1.0}


def value(name, logits, targets, other=(OTHER, OTHER_TARGET), draws=DRAWS, **options):
    """The value of a step function, given what it compares with and its options."""
    step = STEP_FUNCTIONS[name]
    fn = functools.partial(step.fn, **{option: (OPTIONS | options)[option] for option in step.keywords})
    return fn(logits, targets, *(other if step.contrastive else (draws,) if step.compares else ()))


def test_every_step_function_has_a_value_known_by_hand():
    assert set(VALUES) == set(STEP_FUNCTIONS)


@pytest.mark.parametrize("name", STEP_FUNCTIONS)
def test_a_step_function_gives_the_value_of_its_formula(name):
    assert value(name, LOGITS, TARGET).item() == pytest.approx(VALUES[name], rel=1e-12)


@pytest.mark.parametrize("name", STEP_FUNCTIONS)
def test_a_step_function_looks_at_its_own_step_only(name):
    many = torch.stack([LOGITS, LOGITS.flip(0), LOGITS * 2]).expand(2, 3, 3)
    targets = torch.tensor([1, 0, 2])
    others = (torch.stack([OTHER, OTHER * 3, OTHER.flip(0)]), torch.tensor([0, 2, 1]))  # (3, V), (3,)
    draws = torch.tensor([[0.1, 0.2, 0.5], [0.3, 0.1, 0.4]], dtype=torch.float64)  # (2, 3)
    together = value(name, many, targets, others, draws)
    alone = [
        value(name, many[0, step], targets[step], (others[0][step], others[1][step]), draws[:, step]).item()
        for step in range(3)
    ]
    assert together.expand(2, 3).tolist() == [pytest.approx(alone)] * 2


@pytest.mark.parametrize("name", [name for name in STEP_FUNCTIONS if "logit" not in name])
def test_adding_a_constant_to_all_logits_changes_no_probability(name):
    shifted = value(name, LOGITS + 100, TARGET, (OTHER - 50, OTHER_TARGET)).item()
    assert shifted == pytest.approx(VALUES[name], rel=1e-12)


def test_a_token_that_cannot_be_written_adds_nothing():
    barred = torch.tensor([0.0, -math.inf, 0.0])
    assert value("entropy", barred, torch.tensor(0)).item() == pytest.approx(math.log(2))
    other = torch.tensor([math.log(3), -math.inf, 0.0])  # (3/4, 0, 1/4)
    divergence = value("kl_divergence", barred, torch.tensor(0), (other, torch.tensor(0))).item()
    assert divergence == pytest.approx((math.log(2 / 3) + math.log(2)) / 2)


def test_a_log_probability_stays_exact_where_the_probability_underflows():
    far = torch.tensor([0.0, -200.0])  # float32, where e^-200 is 0
    assert value("probability", far, torch.tensor(1)).item() == 0
    assert value("log_probability", far, torch.tensor(1)).item() == -200
    assert value("pcxmi", far, torch.tensor(1), (far, torch.tensor(0))).item() == pytest.approx(200 / math.log(2))


@pytest.mark.parametrize(
    "name", ["probability", "log_probability", "crossentropy", "contrast_prob_diff", "contrast_logprob_diff", "pcxmi"]
)
@pytest.mark.parametrize("ahead", [0.0, 12.0, 25.0])
def test_the_gradient_of_a_sure_token_keeps_its_digits(monkeypatch, name, ahead):
    """Where p was 1 in float32 the gradient at the token itself was 0, while the others together had 1 − p."""
    drawn = torch.randn(3, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    targets = torch.tensor([4, 7, 9])
    drawn[torch.arange(3), targets] += ahead
    other = (drawn.flip(1).double(), 49 - targets)

    def gradient(logits):
        logits = logits.clone().requires_grad_()
        more = (other[0].to(logits.dtype), other[1]) if STEP_FUNCTIONS[name].compares else ()
        value = STEP_FUNCTIONS[name].fn(logits, targets, *more)
        return torch.autograd.grad(value.sum(), logits)[0].double()

    found = gradient(drawn)
    for file in (plain, contrastive):  # in float64 the plain formula has the digits
        monkeypatch.setattr(file, "balanced", lambda logits, _targets: logits)
    torch.testing.assert_close(found, gradient(drawn.double()), rtol=1e-5, atol=0)
    if ahead == 25:
        assert not torch.allclose(gradient(drawn), found, rtol=0.5, atol=0), "as sure as the test is about"


def test_a_small_difference_between_two_runs_keeps_its_digits():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn((20, 50_000), generator=rng) / 10
    others = logits + torch.randn((20, 50_000), generator=rng) / 100
    targets = torch.arange(20)
    # The logarithms themselves are near -10.8, where float32 rounds to a millionth.
    for name in ("pcxmi", "in_context_pvi", "kl_divergence", "kl_divergence_reverse"):
        found = value(name, logits, targets, (others, targets)).double()
        exact = value(name, logits.double(), targets, (others.double(), targets))
        assert (found - exact).abs().max() < 4e-7


def test_log_odds_of_two_tokens_at_one_place_need_no_softmax():
    logits = LOGITS.clone().requires_grad_()
    odds = value("contrast_logprob_diff", logits, TARGET, (logits, OTHER_TARGET))
    assert odds.item() == pytest.approx(math.log(2))
    assert torch.autograd.grad(odds, logits)[0].tolist() == [-1, 1, 0]


@pytest.mark.parametrize(("nucleus", "size"), [(0.6, 1), (0.63, 2), (0.87, 2), (0.88, 3), (1.0, 3)])
def test_the_top_p_size_is_the_smallest_set_that_covers(nucleus, size):
    assert value("top_p_size", LOGITS, TARGET, nucleus=nucleus).item() == size


def test_a_top_k_filter_keeps_what_is_likeliest_in_both_and_renormalises():
    # The sums of logits are ln 4, ln 6, ln 5: the last two stay, as (2/7, 5/7) and (3/4, 1/4).
    found = value("kl_divergence", LOGITS, TARGET, filter_top_k=2).item()
    assert found == pytest.approx(2 / 7 * math.log(8 / 21) + 5 / 7 * math.log(20 / 7))
    assert value("kl_divergence", LOGITS, TARGET, filter_top_k=1).item() == 0
    assert value("kl_divergence", LOGITS, TARGET, filter_top_k=9).item() == pytest.approx(VALUES["kl_divergence"])


def test_a_top_p_filter_keeps_the_nucleus_of_both_together():
    # Probabilities of the summed logits are 4/15, 6/15, 5/15, so 0.7 is covered by the last two.
    expected = 2 / 7 * math.log(8 / 21) + 5 / 7 * math.log(20 / 7)
    assert value("kl_divergence", LOGITS, TARGET, filter_top_p=0.7).item() == pytest.approx(expected)
    assert value("kl_divergence", LOGITS, TARGET, filter_top_p=0.3).item() == 0  # at least one stays


def test_a_filtered_divergence_has_a_finite_gradient():
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value("kl_divergence", logits, TARGET, filter_top_k=2), logits)
    assert gradient.isfinite().all() and gradient[0] == 0 and gradient[2] > 0


def test_inseqs_perplexity_is_none_and_ours_is():
    uniform = torch.zeros(8, dtype=torch.float64)
    surprise = value("crossentropy", uniform, TARGET).item()
    assert value("perplexity", uniform, TARGET).item() == pytest.approx(8)  # of eight equal choices
    assert 2**surprise == pytest.approx(4.2265, abs=1e-3)  # what Inseq 0.7.1 would say


def test_every_step_function_says_its_formula_unit_source_and_options():
    fields = {field.name for field in dataclasses.fields(AttributionSpec)}
    for name, step in STEP_FUNCTIONS.items():
        assert step.name == name
        assert step.formula and step.unit and step.label
        assert step.source.startswith("https://")
        assert set(step.options) <= fields
        assert step.no_gradient == "" or step.no_gradient.endswith(".")
    assert all(not STEP_FUNCTIONS[name].options and not STEP_FUNCTIONS[name].compares for name in ALWAYS)
