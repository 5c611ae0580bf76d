"""The deletion check on a model whose contributions are known, and what it says of good and bad rankings."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.engine.deletion_check import HEADLINE, MEASURES, REMOVED, deletion_check, n_variants, sentences
from spaces_app.engine.forced import ForcedPass
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS

LOGIT = STEP_FUNCTIONS["logit"].fn
NONE = float("nan")
# The logit of token 3 is a plain sum: token 1 adds 5, token 2 adds −2, token 3 adds 2.
TABLE = [[0, 0], [3, 1], [1, 4], [0, -2]]
WEIGHTS = [[0, 0], [1, 0], [0, 1], [2, -1]]
TRUE = [[5, 5], [-2, -2], [NONE, 2]]  # (input, generated) after (1, 2), of (3, 3)


def linear(ids=((), (1, 2), (3, 3))) -> ForcedPass:
    return ForcedPass(tiny.wrapped(tiny.LinearModel(TABLE, WEIGHTS), eos_ids=(0,)), ids)


def check(scores, run=None, **options):
    options = {"baseline": "zero", "signed": True} | options
    array, means = deletion_check(run or linear(), LOGIT, np.array(scores, dtype=float), **options)
    assert array.axes["measure"] == MEASURES and array.axes["removed"] == REMOVED
    return {
        (measure, amount): array.select(measure=measure, removed=amount).values
        for measure in MEASURES
        for amount in REMOVED
    }, means


def test_the_falls_of_a_plain_sum_are_the_sums_of_what_was_taken_away():
    falls, _ = check(TRUE)
    # For the second target all three count: 5 − 2 + 2 = 5. For the first, 5 − 2 = 3.
    assert falls["comprehensiveness", "1"].tolist() == [5, 5]
    assert falls["comprehensiveness", "2"].tolist() == [3, 7]
    assert falls["comprehensiveness", "3"].tolist() == [3, 5]
    assert falls["sufficiency", "1"].tolist() == [3 - 5, 5 - 5]
    assert falls["sufficiency", "2"].tolist() == [0, 5 - 7]
    assert falls["comprehensiveness", "10 %"].tolist() == [5, 5]  # at least one
    assert falls["comprehensiveness", "50 %"].tolist() == [5, 7]  # half of 2 is 1, of 3 (rounded to even) 2


def test_no_more_variants_are_asked_for_than_the_cost_says():
    run, asked = linear(), []
    kept = run.replaced
    run.replaced = lambda score, rows, baseline: asked.append(len(rows)) or kept(score, rows, baseline)
    check(TRUE, run)
    assert 0 < asked[0] <= n_variants(run.n_inputs, run.n_generated) == 28 + 5 * 4


def test_unsigned_scores_rank_by_size():
    falls, _ = check([[1, 1], [-9, -9], [NONE, 0]], signed=False)
    assert falls["comprehensiveness", "1"].tolist() == [-2, -2]
    assert check([[1, 1], [-9, -9], [NONE, 0]])[0]["comprehensiveness", "1"].tolist() == [5, 5]


def test_random_removals_take_as_many_and_draw_the_same_again():
    falls, _ = check(TRUE, seed=3)
    assert falls["random_comprehensiveness", "3"].tolist() == [3, 5]  # everything is gone in any order
    assert falls["random_sufficiency", "3"].tolist() == [0, 0]  # everything stays
    one = falls["random_comprehensiveness", "1"]
    assert -2 <= one[1] <= 5 and one[1] * 5 == pytest.approx(round(one[1] * 5))  # the mean of five of 5, −2, 2
    again, _ = check(TRUE, seed=3)
    assert all(np.array_equal(falls[key], again[key]) for key in falls)
    others = [check(TRUE, seed=seed)[0]["random_comprehensiveness", "1"][1] for seed in range(40)]
    assert np.mean(others) == pytest.approx((5 - 2 + 2) / 3, abs=0.6)  # 200 draws of a spread of 3


def test_the_area_is_the_mean_height_of_the_curve():
    _, means = check([[5], [-2]], linear(((), (1, 2), (3,))))
    # Shares removed 0, 1/2, 1 of two inputs; falls 0, 5, 3: (0 + 5)/2 · 1/2 + (5 + 3)/2 · 1/2
    assert means["area"] == pytest.approx(3.25)
    assert means["comprehensiveness"] == 5 and means["sufficiency"] == -2


def test_an_input_that_is_its_own_baseline_never_goes_and_a_target_without_inputs_has_no_check():
    run = linear(((), (0, 1), (3,)))  # token 0 is an end mark
    falls, _ = check([[9], [5]], run, baseline="pad")
    assert falls["comprehensiveness", "1"].tolist() == [5] and falls["comprehensiveness", "5"].tolist() == [5]
    falls, means = check([[9]], linear(((), (0,), (3,))), baseline="pad")
    assert np.isnan(falls["sufficiency", "1"]).all() and means == {} and sentences(means, "Logit") == []


def test_the_sentences_say_whether_the_ranking_beats_chance():
    good = {"comprehensiveness": 0.4, "sufficiency": 0.1, "area": 0.3}
    good |= {f"random_{name}": 0.2 for name in good}
    told = sentences(good, "Probability")
    assert [item["label"] for item in told] == ["Comprehensiveness", "Sufficiency", "Area over the perturbation curve"]
    assert f"top-ranked {HEADLINE}" in told[0]["sentence"] and "the probability falls by 0.4" in told[0]["sentence"]
    assert told[0]["sentence"].endswith("more than chance would.") and told[0]["value"] == 0.4
    assert sentences(good | {"comprehensiveness": 0.1}, "KL divergence")[0]["sentence"].endswith(
        "no more than chance would."
    )
    assert "the KL divergence falls" in sentences(good, "KL divergence")[0]["sentence"]


def test_a_good_ranking_is_found_out_on_a_trained_model(tmp_path):
    runner = Runner(Settings(store=str(tmp_path)))
    ask = {"prompt": "Mary needed some bread. So she went to the", "continuation": " bakery", "deletion_check": True}
    checks = {}
    for method in ("occlusion", "input_x_gradient"):
        result = runner.run(AttributionSpec(method=method, **ask))
        assert result.arrays["deletion_check"].axes["generated"] == result.arrays["attributions"].axes["generated"]
        checks[method] = {item["label"]: item["value"] for item in result.notes["checks"]}
    # One word decides the place: without it the probability falls to that of a guess among twelve.
    assert checks["occlusion"]["Comprehensiveness"] > 0.5
    assert (
        checks["occlusion"]["Area over the perturbation curve"]
        > checks["input_x_gradient"]["Area over the perturbation curve"]
    )
    plain = runner.run(AttributionSpec(method="integrated_gradients", **(ask | {"deletion_check": False})))
    assert [item["label"] for item in plain.notes["checks"]] == ["Completeness"]
    assert "deletion_check" not in plain.arrays and plain.notes["checks"][0]["value"] < 0.1
    runner.stop()
