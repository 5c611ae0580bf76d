"""Rank correlation of two results: values by hand, ties, missing cells."""

from __future__ import annotations

import math

import pytest
from made_results import keys, result, signed_keys

from spaces_app.analyses.shared.agreement import agreement, agreements, spearman
from spaces_app.errors import SpecError

NONE = math.nan


def of(*column, signed=True, method="Saliency"):
    prompt = [f" w{i}" for i in range(len(column))]
    return result(prompt, [" x"], [[value] for value in column] + [[NONE]], signed=signed, method=method)


def test_the_same_order_is_1_the_opposite_is_minus_1():
    assert agreement(of(1, 2, 9), of(0.1, 0.2, 0.3)).mean == pytest.approx(1)
    assert agreement(of(1, 2, 9), of(3, 2, 1)).mean == pytest.approx(-1)


def test_a_known_value_from_the_formula():
    # Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 − 6 · Σd² / (n(n² − 1)) = 1 − 6 · 4 / 120
    assert agreement(of(1, 2, 3, 4, 5), of(20, 10, 40, 30, 50)).mean == pytest.approx(0.8)


def test_equal_scores_share_the_mean_of_their_ranks():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: correlation 4.5 / √(4.5 · 5)
    assert spearman(*[of(*values).arrays["attributions"].values[:, 0] for values in ((1, 2, 2, 4), (1, 2, 3, 4))]) == (
        pytest.approx((4.5 / 5) ** 0.5)
    )


def test_sizes_are_compared_where_one_side_has_no_signs():
    assert agreement(of(-9, 1, 2), of(9, 1, 2, signed=False)).mean == pytest.approx(1)
    assert agreement(of(-9, 1, 2), of(9, 1, 2)).mean == pytest.approx(-0.5)
    assert "by size" in agreement(of(-9, 1, 2), of(9, 1, 2, signed=False)).sentence


def test_what_cannot_be_ranked_has_no_correlation():
    assert math.isnan(agreement(of(1, 2), of(1, 2)).mean)
    assert math.isnan(agreement(of(1, 2, 3), of(0, 0, 0)).mean)
    assert "cannot be compared" in agreement(of(1, 2), of(1, 2)).sentence
    with pytest.raises(SpecError, match="different tokens"):
        agreement(of(1, 2, 3), keys())


def test_every_generated_token_has_its_own_and_the_mean_leaves_out_those_without():
    found = agreement(signed_keys(), signed_keys())
    assert found.per_token.values.tolist() == pytest.approx([1, 1, 1, NONE], nan_ok=True)  # the last column is all 0
    assert found.mean == pytest.approx(1)


def test_several_results_are_compared_two_by_two():
    table = agreements([of(1, 2, 9), of(1, 2, 3), of(3, 2, 1)])
    assert table.values.tolist() == [pytest.approx([1, 1, -1]), pytest.approx([1, 1, -1]), pytest.approx([-1, -1, 1])]
