"""A spec is valid or raises one sentence; its canonical form and digest never depend on what has no influence."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import SpecError
from spaces_app.spec import Spec, option


@dataclass(frozen=True)
class Question(Spec):
    kind = "question"
    version = 3
    text: str = option("", "A text.", max_chars=5)
    colour: str = option("red", "A choice.", choices=lambda: ("red", "blue"))
    count: int = option(2, "A number.", low=1, high=9)
    share: float = option(0.5, "A share.", low=0, high=1)
    loud: bool = option(False, "A switch.")
    ids: tuple = option((), "Ids.")

    def unused(self):
        return () if self.loud else ("count",)


def test_the_canonical_form_spells_out_every_field_in_sorted_order():
    assert Question(text="é", loud=True).canonical() == (
        '{"colour":"red","count":2,"ids":[],"kind":"question","loud":true,"share":0.5,"text":"é","v":3}'
    )


def test_an_option_without_influence_does_not_change_the_digest():
    assert Question(count=7).digest() == Question(count=2).digest()
    assert Question(count=7, loud=True).digest() != Question(count=2, loud=True).digest()


def test_a_dict_round_trip_gives_an_equal_spec():
    spec = Question(text="abc", colour="blue", count=9, share=1, loud=True, ids=(3, 1))
    assert Question.from_dict(json.loads(spec.canonical())) == spec


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"colour": "green"}, "colour: 'green' is not one of red, blue."),
        ({"count": 0, "loud": True}, "count: 0 is outside 1 to 9."),
        ({"count": True}, "count: True is not a number."),
        ({"count": 1.5}, "count: 1.5 is not a whole number."),
        ({"share": math.nan}, "share: the number is not finite."),
        ({"share": "0.5"}, "share: '0.5' is not a number."),
        ({"loud": 1}, "loud: 1 is neither true nor false."),
        ({"text": "abcdef"}, "text: 6 characters are too many. Use at most 5."),
        ({"text": "a\ud800"}, "text: character 2 is half of a surrogate pair. Retype it."),
        ({"text": None}, "text: None is not text."),
        ({"ids": [1, -1]}, "ids: this is not a list of token ids."),
        ({"ids": [2**31]}, "ids: the list of token ids is out of bounds."),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(values, sentence):
    with pytest.raises(SpecError) as caught:
        Question(**values)
    assert str(caught.value) == sentence


def test_an_unknown_option_is_refused_with_the_nearest_known_one():
    with pytest.raises(SpecError) as caught:
        Question.from_dict({"colourr": "red"})
    assert str(caught.value) == "'colourr' is not an option of question. Did you mean 'colour'?"


@pytest.mark.parametrize("version", [2, 4, True, "3", None, 3.0])
def test_another_version_is_refused_and_true_is_not_one(version):
    with pytest.raises(SpecError):
        Question.from_dict({"v": version})


def test_texts_become_values_of_the_default_type():
    spec = Question.from_text({"count": "4", "share": "0.25", "loud": "yes", "ids": "3, 4", "text": "a"})
    assert spec == Question(count=4, share=0.25, loud=True, ids=(3, 4), text="a")


@pytest.mark.parametrize("text", ["four", "9" * 100_000, "", "1e3"])
def test_a_text_that_is_no_integer_is_refused_quickly(text):
    with pytest.raises(SpecError):
        Question.from_text({"count": text})


def test_the_attribution_spec_drops_the_step_function_of_attention_and_the_seed_of_greedy_decoding():
    assert AttributionSpec(prompt="a", method="attention", step_function="logit") == AttributionSpec(
        prompt="a", method="attention"
    )
    assert AttributionSpec(prompt="a", seed=5) == AttributionSpec(prompt="a")
    assert AttributionSpec(prompt="a", seed=5, temperature=1.0) != AttributionSpec(prompt="a", temperature=1.0)
