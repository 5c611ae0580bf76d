"""A question too large is refused before it is computed, with both numbers and one that fits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.errors import TooLarge
from spaces_app.limits import Size, check, predicted_seconds
from spaces_app.settings import Settings

# A GPT-2 of 14 million parameters.
FACTS = SimpleNamespace(n_params=14_000_000, d_vocab=8000, d_model=384, n_layers=6)
SPEED = 5e10


def seconds(size: Size, **options) -> float:
    spec = AttributionSpec(prompt="x", **options)
    return predicted_seconds(spec, FACTS, size, operations_per_second=SPEED)


def test_cost_grows_with_steps_tokens_and_method():
    small, large = Size(0, 12, 20), Size(0, 24, 40)
    assert seconds(small) < seconds(large)
    assert seconds(small, method="attention") < seconds(small) < seconds(small, method="integrated_gradients")
    thrice = seconds(small, method="integrated_gradients", n_steps=150) - 0.1
    once = seconds(small, method="integrated_gradients", n_steps=50) - 0.1
    assert thrice / once == pytest.approx(3, rel=0.05)


def test_a_refusal_names_both_numbers_and_its_proposal_fits():
    spec, size = AttributionSpec(prompt="x", method="integrated_gradients", n_steps=300), Size(0, 500, 100)
    with pytest.raises(TooLarge) as caught:
        check(spec, FACTS, size, Settings(max_seconds=120), operations_per_second=SPEED)
    words = str(caught.value).split()
    predicted, allowed, steps = (
        int(words[words.index(word) + 1].replace(",", "")) for word in ("about", "the", "most")
    )
    assert predicted > allowed == 120
    smaller = AttributionSpec(prompt="x", method="integrated_gradients", n_steps=steps)
    assert check(smaller, FACTS, size, Settings(max_seconds=120), operations_per_second=SPEED) <= 120


def test_a_result_with_too_many_scores_is_refused_however_fast_the_machine():
    with pytest.raises(TooLarge, match="3,000,000 scores, more than 2,000,000"):
        check(AttributionSpec(prompt="x"), FACTS, Size(0, 2000, 1000), Settings(), operations_per_second=1e18)
