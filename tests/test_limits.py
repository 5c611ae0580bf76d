"""A question too large is refused before it is computed, with both numbers and one that fits."""

from __future__ import annotations

import itertools
import re
import time
from types import SimpleNamespace

import pytest

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.costs.limits import check, predicted_seconds
from spaces_app.costs.model import (
    BOUNDS,
    LEARNED,
    OVERHEAD,
    SHARED,
    Coefficients,
    Cost,
    CostTerm,
    Speed,
    costs,
    of_method,
    passes,
    total,
    writing,
)
from spaces_app.costs.speed import measured
from spaces_app.costs.token_counts import TokenCounts, cost_inputs
from spaces_app.errors import TooLarge
from spaces_app.methods import METHODS, CostInputs
from spaces_app.serving.worker import Worker
from spaces_app.settings import Settings

# A GPT-2 of 14 million parameters.
FACTS = SimpleNamespace(n_params=14_000_000, d_vocab=8000, d_model=384, n_layers=6)
SPEED = Speed(call=0.005, operations=5e10)


def seconds(size: TokenCounts, **options) -> float:
    spec = AttributionSpec(prompt="x", **options)
    return predicted_seconds(ANALYSES[spec.kind], spec, FACTS, size, speed=SPEED)


def test_cost_grows_with_steps_tokens_and_method():
    small, large = TokenCounts(0, 12, 20), TokenCounts(0, 24, 40)
    assert seconds(small) < seconds(large)
    assert seconds(small, method="attention") < seconds(small) < seconds(small, method="integrated_gradients")
    thrice, once = (seconds(large, method="integrated_gradients", n_steps=n) for n in (150, 50))
    assert 2.5 < thrice / once < 3  # what is done once, whatever the steps, weighs little


def test_a_refusal_names_both_numbers_and_its_proposal_fits():
    spec, size = AttributionSpec(prompt="x", method="integrated_gradients", n_steps=300), TokenCounts(0, 500, 100)
    with pytest.raises(TooLarge) as caught:
        check(ANALYSES[spec.kind], spec, FACTS, size, Settings(max_seconds=120), speed=SPEED)
    words = str(caught.value).split()
    predicted, allowed, steps = (
        int(words[words.index(word) + 1].replace(",", "")) for word in ("about", "the", "most")
    )
    assert predicted > allowed == 120
    smaller = AttributionSpec(prompt="x", method="integrated_gradients", n_steps=steps)
    assert check(ANALYSES[smaller.kind], smaller, FACTS, size, Settings(max_seconds=120), speed=SPEED) <= 120


def test_a_result_with_too_many_scores_is_refused_however_fast_the_machine():
    with pytest.raises(TooLarge, match="3,000,000 scores, more than 2,000,000"):
        check(
            ANALYSES["attribution"],
            AttributionSpec(prompt="x"),
            FACTS,
            TokenCounts(0, 2000, 1000),
            Settings(),
            speed=Speed(0.0, 1e18),
        )


# --- work and its seconds -------------------------------------------------------------------------------------------


def plain(name: str, operations: float) -> Cost:
    return Cost((CostTerm(name, operations),))


@pytest.mark.parametrize(("call", "overhead"), [(0.004, 0.004), (0.07, OVERHEAD)])
def test_seconds_are_calls_and_operations_and_what_is_fixed_as_often_as_tokens_and_rounds_ask(call, overhead):
    part = CostTerm("any", 8e9, n_inputs=20, n_generated=10, rounds=50, times=2)
    once = {"overhead": 1.5, "inputs": 0.1, "targets": 0.5, "cells": 0.01, "squares": 0.001}
    again = {
        "rounds_overhead": 0.02,
        "rounds_inputs": 1e-3,
        "rounds_targets": 2e-3,
        "rounds_cells": 1e-4,
        "rounds_squares": 1e-5,
    }
    coefficients = Coefficients(calls=3, operations=2, fixed=0.005, **once, **again)
    # 8e9 operations at half of 4e9 a second; 20 inputs and 10 targets are 200 cells and 4,000 squares.
    overheads = 1.5 + 2 + 5 + 2 + 4 + 50 * (0.02 + 0.02 + 0.02 + 0.02 + 0.04)
    assert coefficients.seconds(part, call, 4e9) == pytest.approx(2 * (3 * call + 4 + 0.005 + overheads * overhead))


def test_a_method_goes_over_its_points_or_samples():
    load = CostInputs(FACTS, 0, 12, 20, n_steps=7, n_samples=9)
    rounds = {name: of_method(name, load).terms[0].rounds for name in ("saliency", "integrated_gradients", "lime")}
    assert rounds == {"saliency": 0, "integrated_gradients": 7, "lime": 9}
    assert of_method("lime", load).terms[0].n_inputs == 31


def test_work_adds_up_and_plain_numbers_are_operations_of_passes():
    speed = Speed(call=0.01, operations=1e9)
    both = 2 * plain("saliency", 1e9) + 3e9 + passes(1e9)
    alone = speed.seconds(plain("saliency", 1e9))
    assert speed.seconds(both) == pytest.approx(2 * alone + (3 + 0.01) + (1 + 0.01))
    assert speed.seconds(total([plain("saliency", 1e9)] * 3)) == pytest.approx(3 * alone)
    assert speed.seconds(5e9) == pytest.approx(5.01) and speed.seconds(0.0) == 0


def test_a_run_moves_what_is_expected_of_the_next_halfway_of_others_a_little_and_one_far_off_wholly():
    speed, work = Speed(call=0.01, operations=1e9), plain("occlusion", 1e9)
    other = speed.seconds(plain("saliency", 1e9))
    expected = speed.seconds(work)
    speed.learn(work, 1.5 * expected)
    assert speed.seconds(work) == pytest.approx(1.5**LEARNED * expected)
    assert speed.seconds(plain("saliency", 1e9)) == pytest.approx(1.5**SHARED * other)
    speed.learn(work, 4.5 * expected)
    assert speed.seconds(work) == pytest.approx(4.5 * expected)
    assert speed.seconds(plain("saliency", 1e9)) == pytest.approx(1.5**SHARED * other)
    speed.learn(work + plain("saliency", 1e9), 100.0)  # whose fault it was cannot be told
    assert speed.seconds(work) == pytest.approx(4.5 * expected)


def test_a_disturbed_run_teaches_within_bounds_and_passes_beside_are_not_the_methods():
    speed, work = Speed(call=0.01, operations=1e9), plain("occlusion", 1e9)
    expected = speed.seconds(work)
    speed.learn(work, 1000 * expected)
    assert speed.seconds(work) == pytest.approx(BOUNDS[1] * expected)
    fresh = Speed(call=0.01, operations=1e9)
    fresh.learn(work + passes(5e9), 3 * expected + fresh.seconds(passes(5e9)))
    assert fresh.seconds(work) == pytest.approx(3 * expected)


def test_writing_takes_a_call_for_each_token_and_nothing_where_the_output_is_given():
    load = CostInputs(FACTS, 0, 12, 20)
    assert SPEED.seconds(writing(load)) == pytest.approx(20 * SPEED.call + load.forward / SPEED.operations)
    written, forced = seconds(TokenCounts(0, 12, 20)), seconds(TokenCounts(0, 12, 20), continuation="y")
    assert written - forced == pytest.approx(SPEED.seconds(writing(load)))


def test_every_method_has_coefficients_of_its_own():
    assert set(METHODS) <= set(costs()) and all(min(vars(found).values()) >= 0 for found in costs().values())


def test_samples_are_proposed_too_and_every_proposal_fits():
    spec, size, speed = (
        AttributionSpec(prompt="x", method="lime", n_samples=2000),
        TokenCounts(0, 100, 200),
        Speed(0.005, 8e10),
    )
    third = Settings(max_seconds=int(predicted_seconds(ANALYSES[spec.kind], spec, FACTS, size, speed=speed) / 3))
    with pytest.raises(TooLarge) as caught:
        check(ANALYSES[spec.kind], spec, FACTS, size, third, speed=speed)
    samples, tokens = (int(number.replace(",", "")) for number in re.findall(r"at most ([\d,]+)", str(caught.value)))
    assert (
        check(ANALYSES[spec.kind], spec.replace(n_samples=samples), FACTS, size, third, speed=speed)
        <= third.max_seconds
    )
    with pytest.raises(TooLarge):
        check(ANALYSES[spec.kind], spec.replace(n_samples=samples + 1), FACTS, size, third, speed=speed)
    assert check(ANALYSES[spec.kind], spec, FACTS, TokenCounts(0, 100, tokens), third, speed=speed) <= third.max_seconds


def test_the_deletion_check_is_paid_for():
    size = TokenCounts(0, 12, 20)
    assert seconds(size, deletion_check=True) > 5 * seconds(size)


def test_a_finished_run_is_learned_from(tmp_path):
    worker = Worker(Settings(store=str(tmp_path)))
    spec = AttributionSpec(prompt="The keys to the cabinet", continuation=" are", method="occlusion")
    worker.answer(spec, lambda *_: None)
    (speed,) = worker._speeds.values()
    assert "occlusion" in speed.factors and speed.call > 0 and speed.operations > 1e8


def test_words_and_sentences_are_fewer_to_take_away_than_tokens():
    lm = loaded("bundled/tiny-causal")
    text = {
        "prompt": "The keys to the cabinets. The key to the cabinets.",
        "continuation": " is",
        "method": "occlusion",
    }
    specs = [AttributionSpec(**text, window=window) for window in ("token", "word", "sentence")]
    sizes = [ANALYSES[spec.kind].token_counts(spec, lm) for spec in specs]
    n_inputs = sizes[0].n_prompt  # and one written token, which nothing follows
    features = [cost_inputs(spec, lm.facts, size).n_features for spec, size in zip(specs, sizes, strict=True)]
    assert features[0] == 0 and 10 <= features[1] < n_inputs and features[2] in (2, 3)
    costs = [
        predicted_seconds(ANALYSES[spec.kind], spec, lm.facts, size, speed=SPEED)
        for spec, size in zip(specs, sizes, strict=True)
    ]
    assert costs[0] > costs[1] > costs[2]


def test_a_comparison_costs_its_methods_and_the_writing_once():
    asked = {"prompt": "x", "step_function": "logit"}
    both = ComparisonSpec(**asked, methods="saliency,occlusion")
    alone = [AttributionSpec(**asked, method=name) for name in ("saliency", "occlusion")]
    size = TokenCounts(0, 12, 20)
    sums = sum(predicted_seconds(ANALYSES[spec.kind], spec, FACTS, size, speed=SPEED) for spec in alone)
    once = SPEED.seconds(writing(CostInputs(FACTS, 0, 12, 20)))
    assert predicted_seconds(ANALYSES[both.kind], both, FACTS, size, speed=SPEED) == pytest.approx(sums - once)


# --- what is measured on a model ------------------------------------------------------------------------------------


def loaded(name: str):
    from spaces_app.models.load import load
    from spaces_app.models.resolve import resolve

    return load(resolve(name, Settings()), Settings(), lambda *_: None)


def ticking(step: float):
    """A clock that is `step` seconds later at every look."""
    looks = itertools.count()
    return lambda: step * next(looks)


def test_a_model_is_measured_once():
    lm = loaded("bundled/tiny-en-fr")
    found = measured(lm, clock=ticking(0.001))
    assert found.call == pytest.approx(0.001)
    tokens = found.operations * 0.001 / 4 / (2 * lm.facts.n_params)  # a batch takes a quarter more at least
    assert tokens == pytest.approx(64 * 16 - 4)
    assert measured(lm, clock=ticking(5.0)) is found


@pytest.mark.parametrize(("parameters", "rows"), [(1e5, 64), (15e6, 16), (124e6, 8), (1e9, 1), (7e9, 1)])
def test_a_batch_has_tokens_enough_and_takes_no_longer_than_it_must(parameters, rows):
    from spaces_app.costs.speed import _rows

    assert _rows(2 * parameters * 16, 16) == rows


def test_a_look_at_the_pace_moves_what_is_expected_halfway_and_no_further_than_twofold():
    speed, work = Speed(call=0.01, operations=1e9), plain("occlusion", 1e9)
    expected = speed.seconds(work)
    speed.notice(0.0144)
    assert speed.seconds(work) == pytest.approx(1.2 * expected)
    speed.learn(work, 1.2 * expected)  # as expected at the moment, which teaches nothing
    speed.notice(0.01)
    assert speed.seconds(work) == pytest.approx(expected)
    speed.notice(1.0)
    assert speed.seconds(work) == pytest.approx(2 * expected)


def test_looking_again_takes_a_tenth_of_a_second_at_most(monkeypatch):
    from spaces_app.costs import speed

    asked = []
    monkeypatch.setattr(speed, "_pass", lambda _lm, *size: asked.append(size[:2]) or 0.002)
    assert speed.glance(None, 0.003) == 0.002 and asked == [(1, speed.FEW)] * 5
    asked.clear()
    assert speed.glance(None, 0.04) == 0.002 and len(asked) == 2
    asked.clear()
    assert speed.glance(None, 0.08) == 0.08 and not asked


@pytest.mark.parametrize(("takes", "rounds"), [(0.1, 3), (0.3, 2), (2.0, 1)])
def test_the_speed_at_load_is_the_mean_of_as_many_measurements_as_half_a_second_allows(takes, rounds, monkeypatch):
    from spaces_app.costs import speed

    paces, now = [speed.Measured(0.001, 8e9), speed.Measured(0.004, 2e9), speed.Measured(0.016, 5e8)], [0.0]
    left = iter(paces)

    def measure(_lm, _clock):
        now[0] += takes
        return next(left)

    monkeypatch.setattr(speed, "measure", measure)
    found = speed.at_load(None, lambda: now[0])
    assert list(left) == paces[rounds:]
    assert found.call == pytest.approx(0.001 * 2 ** (rounds - 1))
    assert found.operations == pytest.approx(8e9 / 2 ** (rounds - 1))


@pytest.mark.parametrize("slow", [1, 3])
def test_a_models_speed_is_what_more_tokens_take_and_not_the_reading_of_its_weights(slow, monkeypatch):
    """Every pass takes 50 ms and 0.1 ms for each token; at times a neighbour makes a pass `slow` times as long."""
    from spaces_app.costs import speed

    lm, passes = loaded("bundled/tiny-causal"), itertools.count()

    def taken(_lm, rows, length, _clock):
        return (0.05 + 1e-4 * rows * length) * (slow if next(passes) % 3 == 0 else 1)

    monkeypatch.setattr(speed, "_pass", taken)
    found = speed.measure(lm, time.perf_counter)
    assert found.call == pytest.approx(0.0504)
    assert found.operations == pytest.approx(2 * lm.facts.n_params / 1e-4)
