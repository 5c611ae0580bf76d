"""Two answers compared: aligned tokens, their difference, what was asked differently, one colour scale."""

from __future__ import annotations

from dataclasses import replace

import made_results
import numpy as np
import pytest

from spaces_app.errors import NotSupported
from spaces_app.export.compare import compare, comparison
from spaces_app.figures import drawing
from spaces_app.figures.still.units import scores_of
from spaces_app.serving.gallery import examples


def test_an_answer_agrees_with_itself():
    made = comparison(made_results.keys(), made_results.keys())
    assert made.largest == 0 and made.facts == () and made.sentence == "All scores agree to five digits."
    assert not np.nan_to_num(made.difference.arrays["attributions"].values).any()


def test_what_changed_is_second_minus_first_on_the_aligned_tokens():
    first = made_results.result(["The", " key"], [" is"], [[0.1], [0.4], [0.0]])
    second = made_results.result(["The", " keys"], [" are"], [[0.3], [0.9], [0.0]])
    made = comparison(first, second)
    assert [token.text for token in made.difference.tokens] == ["The", " key → keys", " is → are"]
    np.testing.assert_allclose(made.difference.arrays["attributions"].values[:2, 0], [0.2, 0.5], atol=1e-6)
    assert made.largest == pytest.approx(0.5) and made.domain == pytest.approx(0.9)
    assert made.sentence == "The largest difference is 0.5, at ‘key → keys’ for ‘is → are’; the largest score is 0.9."


def test_what_was_asked_differently_is_named_once():
    first = made_results.keys(revision="a" * 40, versions={"torch": "2.13.0"}, dtype="float32")
    second = made_results.keys(revision="b" * 40, versions={"torch": "2.14.0"}, dtype="float32")
    second = replace(second, spec=second.spec.replace(method="occlusion"), notes=second.notes | {"method": "Occlusion"})
    found = {fact.name: (fact.first, fact.second) for fact in comparison(first, second).facts}
    assert found == {
        "Revision": ("a" * 40, "b" * 40), "Method": ("Saliency", "Occlusion"), "torch": ("2.13.0", "2.14.0"),
    }  # fmt: skip


def test_all_three_maps_have_one_scale():
    made = compare(made_results.keys(), made_results.signed_keys())
    assert made["domain"] == pytest.approx(1.0)  # " on" for " time"
    assert {made[name]["domain"] for name in ("first", "second", "difference")} == {made["domain"]}
    assert made["difference"]["signed"] and not made["first"]["signed"]
    np.testing.assert_allclose(scores_of(made["difference"])[0, 0], -0.2, atol=1e-6)  # ‘The’: −0.1 − 0.1
    assert drawing(made["difference"]).legend.high == "1" == drawing(made["first"]).legend.high


def test_real_answers_of_different_lengths_are_compared():
    recorded = {example.name: example.result for example in examples("attribution")}
    made = comparison(recorded["profession"], recorded["nurse"])
    assert made.largest > 0 and {fact.name for fact in made.facts} >= {"Prompt", "Output"}
    assert any(" → " in token.text for token in made.difference.tokens)


def test_what_has_no_attributions_cannot_be_compared():
    with pytest.raises(NotSupported, match="cannot be compared"):
        comparison(made_results.keys(), replace(made_results.keys(), arrays={}))
