"""Step functions: values that can be done in the head."""

from __future__ import annotations

import math

import pytest
import torch

from spaces_app.step_functions import STEP_FUNCTIONS

# Softmax of (0, ln 2, ln 5) is (1/8, 2/8, 5/8).
LOGITS = torch.tensor([0.0, math.log(2), math.log(5)], dtype=torch.float64)
TARGET = torch.tensor(1)
ENTROPY = (math.log(8) + 2 * math.log(4) + 5 * math.log(1.6)) / 8
VALUES = {
    "logit": math.log(2),
    "probability": 0.25,
    "log_probability": -math.log(4),
    "entropy": ENTROPY,
    "crossentropy": math.log(4),
}


def test_every_step_function_has_a_value_known_by_hand():
    assert set(VALUES) == set(STEP_FUNCTIONS)


@pytest.mark.parametrize("name", STEP_FUNCTIONS)
def test_a_step_function_gives_the_value_of_its_formula(name):
    assert STEP_FUNCTIONS[name].fn(LOGITS, TARGET).item() == pytest.approx(VALUES[name], rel=1e-12)


@pytest.mark.parametrize("name", STEP_FUNCTIONS)
def test_a_step_function_looks_at_its_own_step_only(name):
    many = torch.stack([LOGITS, LOGITS.flip(0), LOGITS * 2]).expand(2, 3, 3)
    targets = torch.tensor([1, 0, 2])
    together = STEP_FUNCTIONS[name].fn(many, targets)
    assert together.shape == (2, 3)
    alone = [STEP_FUNCTIONS[name].fn(many[0, step], targets[step]).item() for step in range(3)]
    assert together.tolist() == [pytest.approx(alone)] * 2


@pytest.mark.parametrize("name", ["probability", "log_probability", "entropy", "crossentropy"])
def test_adding_a_constant_to_all_logits_changes_no_probability(name):
    shifted = STEP_FUNCTIONS[name].fn(LOGITS + 100, TARGET).item()
    assert shifted == pytest.approx(VALUES[name], rel=1e-12)


def test_a_token_that_cannot_be_written_adds_nothing_to_the_entropy():
    barred = torch.tensor([0.0, -math.inf, 0.0])
    assert STEP_FUNCTIONS["entropy"].fn(barred, torch.tensor(0)).item() == pytest.approx(math.log(2))


def test_a_log_probability_stays_exact_where_the_probability_underflows():
    far = torch.tensor([0.0, -200.0])  # float32, where e^-200 is 0
    assert STEP_FUNCTIONS["probability"].fn(far, torch.tensor(1)).item() == 0
    assert STEP_FUNCTIONS["log_probability"].fn(far, torch.tensor(1)).item() == -200


def test_every_step_function_says_its_formula_unit_and_source():
    for name, step_function in STEP_FUNCTIONS.items():
        assert step_function.name == name
        assert step_function.formula and step_function.unit and step_function.label
        assert step_function.source.startswith("https://")
