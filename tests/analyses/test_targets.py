"""Contrastive targets from spec to result: what is compared with what, what is pinned, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from support import no_tick

from spaces_app.analyses import ANALYSES, KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec, aligned
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import METHODS
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.step_functions import ALWAYS, STEP_FUNCTIONS

PROMPT = "The keys to the cabinet"
CONTRASTIVE = [step.name for step in STEP_FUNCTIONS.values() if step.contrastive]


def answer(lm, **options) -> Result:
    options = {"prompt": PROMPT, "continuation": "are on the table."} | options
    return ANALYSES["attribution"].compute(AttributionSpec(model=lm.id, **options), lm, no_tick, Settings())


def steps(result: Result) -> dict[str, np.ndarray]:
    array = result.arrays["step_scores"]
    return dict(zip(array.axes["step_function"], array.values.astype(float), strict=True))


@pytest.fixture(scope="module")
def bundled():
    settings = Settings()
    return load(resolve("bundled/tiny-causal", settings), settings, no_tick)


def test_any_number_of_step_scores_come_with_one_run(loaded_family):
    lm = loaded_family("gpt2")
    names = [name for name in STEP_FUNCTIONS if name != "mc_dropout_prob_avg"]
    result = answer(lm, step_scores=", ".join(names), contrast="is on the table.", contrast_context="own")
    found = steps(result)
    assert set(found) == set(names) and list(found)[: len(ALWAYS)] == list(ALWAYS)
    assert found["perplexity"] == pytest.approx(1 / found["probability"], rel=1e-4)
    assert found["contrast_logprob_diff"] == pytest.approx(
        np.log(found["probability"]) - np.log(found["contrast_prob"]), abs=1e-4
    )
    assert found["pcxmi"] == pytest.approx(-found["contrast_logprob_diff"] / math.log(2), abs=1e-5)
    assert found["in_context_pvi"] == pytest.approx(-found["contrast_logprob_diff"], abs=1e-5)
    assert (found["kl_divergence"] >= -1e-6).all() and found["kl_divergence"][0] == pytest.approx(0, abs=1e-6)
    assert found["kl_divergence"][-1] > 1e-6  # behind the other word


def test_a_dropout_score_comes_from_its_own_seed(loaded_family):
    lm = loaded_family("gpt2")
    first, again, other = (
        steps(answer(lm, step_scores="mc_dropout_prob_avg", seed=seed))["mc_dropout_prob_avg"] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_another_token_is_judged_at_the_same_place(bundled):
    spec = {"continuation": "are", "contrast": "is", "step_function": "contrast_logits_diff"}
    result = answer(bundled, **spec)
    there, other = steps(answer(bundled, continuation="are")), steps(answer(bundled, continuation="is"))
    assert steps(result)["contrast_logits_diff"][0] == pytest.approx(there["logit"][0] - other["logit"][0], rel=1e-5)
    assert result.notes["contrast"]["context"] == {"contrast_logits_diff": "same"}
    assert result.notes["unit"] == "logit" and result.arrays["attributions"].unit == "logit"
    assert there["probability"][0] > 10 * other["probability"][0]


def test_the_plural_s_decides_between_are_and_is(bundled):
    result = answer(
        bundled,
        continuation="are",
        contrast="is",
        step_function="contrast_logits_diff",
        method="integrated_gradients",
        attribute_prefix=False,
    )
    scores = result.arrays["attributions"].values[:-1, 0]
    assert result.tokens[int(np.argmax(scores))].text == "s"  # of "keys"


def test_equal_tokens_have_nothing_to_explain_at_the_same_place(loaded_family):
    result = answer(loaded_family("llama"), contrast="are on a table.", step_function="contrast_prob_diff")
    scores = result.arrays["attributions"].values
    partners = result.notes["contrast"]["partners"]
    differs = [
        result.spec.continuation_ids[step] != result.spec.contrast_ids[partner] for step, partner in enumerate(partners)
    ]
    assert any(differs) and not all(differs)
    for step, there in enumerate(differs):
        assert bool(np.nanmax(np.abs(scores[:, step])) > 0) == there


@pytest.mark.parametrize("name", ["gpt2", "bart"])
def test_another_prompt_makes_a_run_of_its_own(loaded_family, name):
    lm = loaded_family(name)
    asked = "kl_divergence, kl_divergence_reverse, contrast_prob"
    here = answer(lm, contrast_prompt="The key to the door", step_scores=asked)
    there = answer(lm, prompt="The key to the door", contrast_prompt=PROMPT, step_scores=asked)
    assert steps(here)["contrast_prob"] == pytest.approx(steps(there)["probability"], rel=1e-4)
    assert steps(here)["kl_divergence"] == pytest.approx(steps(there)["kl_divergence_reverse"], rel=1e-3, abs=1e-6)
    assert here.spec.contrast_ids == () and here.notes["contrast"]["context"]["contrast_prob"] == "own"
    segment = "source" if name == "bart" else "prompt"
    texts = [token["text"] for token in here.notes["contrast"]["tokens"] if token["segment"] == segment]
    assert "door" in "".join(texts)


def test_the_pinned_spec_compares_with_the_same_ids_again(loaded_family):
    lm = loaded_family("gpt2")
    first = answer(lm, contrast="is under the table.", step_function="contrast_prob_diff")
    assert first.spec.contrast_ids == tuple(lm.encode_continuation(PROMPT, "is under the table."))
    again = ANALYSES["attribution"].compute(first.spec, lm, no_tick, Settings())
    assert again.spec == first.spec
    assert Result.from_dict(again.to_dict(), KINDS["attribution"]).to_dict() == again.to_dict()
    for array in first.arrays:
        assert np.array_equal(again.arrays[array].values, first.arrays[array].values, equal_nan=True)


def test_an_alignment_given_by_hand_overrules_the_automatic_one(loaded_family):
    lm = loaded_family("gpt2")
    plain = answer(lm, contrast="was under it.", step_function="contrast_prob")
    last = len(plain.spec.contrast_ids) - 1
    result = answer(lm, contrast="was under it.", step_function="contrast_prob", alignment=f"0-{last}")
    assert plain.notes["contrast"]["partners"][0] == 0
    assert result.notes["contrast"]["partners"] == [last, *plain.notes["contrast"]["partners"][1:]]
    assert steps(result)["contrast_prob"][0] != steps(plain)["contrast_prob"][0]


def test_an_alignment_is_pairs_of_positions():
    assert aligned(" 0-0, 1:2 ,") == {0: 0, 1: 2} and aligned("") == {}
    for text, message in (("0", "not a pair"), ("0-x", "not a pair"), ("1-2, 1-3", "two partners"), ("-1-2", "pair")):
        with pytest.raises(SpecError, match=message):
            AttributionSpec(step_function="contrast_prob", alignment=text)


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"step_function": "contrast_prob"}, "contrast", "neither is given"),
        ({"step_scores": "kl_divergence"}, "contrast", "neither is given"),
        ({"step_function": "contrast_prob_diff", "contrast": "are on the table."}, "contrast", "the output itself"),
        ({"step_function": "kl_divergence", "contrast": "are on the table."}, "contrast", "nothing to compare"),
        ({"step_function": "kl_divergence", "contrast_prompt": PROMPT}, "contrast", "nothing to compare"),
        ({"step_function": "contrast_prob", "contrast": "on " * 200}, "contrast", "too many for this model"),
        ({"step_function": "kl_divergence", "contrast_prompt": "on " * 200}, "contrast_prompt", "too many"),
        ({"step_function": "contrast_prob", "contrast": "is", "alignment": "0-9"}, "alignment", "outside the outputs"),
        ({"step_function": "contrast_prob", "contrast_ids": (10**7,)}, "contrast_ids", "vocabulary"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(loaded_family, options, field, message):
    with pytest.raises(SpecError, match=message) as caught:
        answer(loaded_family("gpt2"), **options)
    assert caught.value.field == field and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["top_p_size", "mc_dropout_prob_avg"])
def test_what_has_no_gradient_is_explained_by_perturbation_only(loaded_family, name):
    lm = loaded_family("gpt2")
    for method in METHODS.values():
        if "step_function" in method.options and method.family in ("gradient", "propagation"):
            with pytest.raises(NotSupported, match="no gradient"):
                answer(lm, method=method.name, step_function=name)
    scores = answer(lm, method="occlusion", step_function=name).arrays["attributions"].values
    assert np.nanmax(np.abs(scores)) > 0


@pytest.mark.parametrize("method", ["saliency", "occlusion"])
def test_a_number_of_the_other_run_alone_is_nothing_this_input_explains(loaded_family, method):
    with pytest.raises(NotSupported, match="does not depend on this input"):
        answer(loaded_family("gpt2"), method=method, step_function="contrast_prob", contrast_prompt="A key")


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_every_contrastive_target_is_explained(loaded_family, name):
    options = {"contrast": "is on the table.", "contrast_prompt": "The key to the cabinet", "step_function": name}
    if name in ("contrast_prob", "contrast_logits"):
        options["contrast_context"] = "same"
    result = answer(loaded_family("bart"), **options)
    assert np.nanmax(result.arrays["attributions"].values) > 0
    assert result.notes["target"] == STEP_FUNCTIONS[name].label and name in steps(result)


def test_options_that_compare_count_only_where_something_is_compared():
    given = {
        "contrast": "x",
        "contrast_ids": (1,),
        "contrast_prompt": "y",
        "contrast_context": "own",
        "alignment": "0-0",
    }
    assert AttributionSpec(prompt="a", **given) == AttributionSpec(prompt="a")
    kept = AttributionSpec(prompt="a", step_scores="contrast_prob", **given)
    assert all(getattr(kept, name) == value for name, value in given.items())
    divergence = AttributionSpec(prompt="a", step_function="kl_divergence", **given)
    assert divergence.contrast_context == "auto" and divergence.contrast_ids == (1,)


def test_a_spec_knows_the_options_its_step_functions_listen_to():
    fields = {field.name for field in dataclasses.fields(AttributionSpec)}
    for step in STEP_FUNCTIONS.values():
        spec = AttributionSpec(prompt="a", step_scores=step.name)
        assert set(step.options) <= fields - set(spec.unused()) | {"seed"}
