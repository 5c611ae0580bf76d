"""The contrastive analysis: three numbers that belong together, the right word on the other side, known answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny
import torch
from families import FAMILIES
from support import no_tick

from spaces_app.analyses import ANALYSES, KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.contrastive.spec import BESIDE, DIFFERENCES, ContrastiveSpec
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import METHODS
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.step_functions import ALWAYS
from spaces_app.training.evaluate import heldout

PROMPT, A, B = "The keys to the cabinet", "are on the table.", "is on the table."
ASKING = [name for name, method in METHODS.items() if "step_function" in method.options]
FAST = {"n_steps": 8, "n_samples": 8}


def answer(lm, **options) -> Result:
    options = {"prompt": PROMPT, "continuation": A, "contrast": B} | FAST | options
    return ANALYSES["contrastive"].compute(ContrastiveSpec(model=lm.id, **options), lm, no_tick, Settings())


def values(result: Result, name: str) -> np.ndarray:
    return result.arrays[name].values.astype(float)


def steps(result: Result, name: str) -> np.ndarray:
    return result.arrays["step_scores"].select(step_function=name).values.astype(float)


@pytest.fixture(scope="module")
def bundled():
    settings = Settings()
    return {
        name: load(resolve(f"bundled/{name}", settings), settings, no_tick) for name in ("tiny-causal", "tiny-en-fr")
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_tells_why_a_and_not_b(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm, method="input_x_gradient", step_function="contrast_prob_diff")
    assert result.notes["mode"] == "same" and result.notes["first_difference"] == result.notes["compared"].index(True)
    ids = [token.id for token in result.tokens]
    n_source = sum(token.segment == "source" for token in result.tokens)
    first = len(ids) - len(result.spec.continuation_ids)
    sequence = (tuple(ids[:n_source]), tuple(ids[n_source:first]), tuple(ids[first:]))
    step = result.notes["first_difference"]
    foil = result.notes["b_tokens"][step]["id"]
    size = max(np.nanmax(np.abs(values(result, array)[:, step])) for array in ("towards_a", "towards_b"))
    for array, score in (
        ("difference", lambda z, y: z.softmax(-1)[y] - z.softmax(-1)[foil]),
        ("towards_a", lambda z, y: z.softmax(-1)[y]),
        ("towards_b", lambda z, y: z.softmax(-1)[foil]),
    ):
        value, gradient, embeds = tiny.one_step(lm, sequence, step, score)
        expected = (gradient[: len(embeds)] * embeds).sum(-1).numpy()
        found = values(result, array)[: len(embeds), step]
        assert np.abs(found - expected).max() <= 1e-5 * size, array
        if array == "difference":
            assert steps(result, "contrast_prob_diff")[step] == pytest.approx(value.item(), abs=1e-6)


@pytest.mark.parametrize("name", ASKING)
def test_the_difference_is_a_minus_b_for_signed_methods_and_what_attribution_gives(loaded_family, name):
    lm = loaded_family("gpt2")
    if METHODS[name].refuse(lm):
        return
    result = answer(lm, method=name)
    difference, a, b = (values(result, array) for array in ("difference", "towards_a", "towards_b"))
    asked = {"prompt": PROMPT, "continuation": A, "contrast": B, "method": name} | FAST
    for step_function, expected in (("contrast_logits_diff", difference), ("contrast_logits", b), ("logit", a)):
        spec = AttributionSpec(model=lm.id, step_function=step_function, **asked)
        found = ANALYSES["attribution"].compute(spec, lm, no_tick, Settings()).arrays["attributions"].values
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        tolerance = 1e-4 * max(np.nanmax(np.abs(a)), np.nanmax(np.abs(b)))
        assert np.nanmax(np.abs(found - expected)) <= tolerance, step_function
    if result.notes["signed"] and name != "lime":  # a lasso of a difference is no difference of lassos
        assert np.nanmax(np.abs(difference - (a - b))) <= 1e-4 * np.nanmax(np.abs(a))


@pytest.mark.parametrize("name", ["gpt2", "bart"])
def test_a_minimal_pair_gives_b_a_map_of_its_own(loaded_family, name):
    lm = loaded_family(name)
    other = "The key to the cabinet"
    result = answer(lm, contrast="", contrast_prompt=other, method="input_x_gradient")
    assert result.notes["mode"] == "own" and "towards_b" not in result.arrays
    mirror = answer(lm, prompt=other, contrast="", contrast_prompt=PROMPT, method="input_x_gradient")
    there, here = values(result, "towards_b_other"), values(mirror, "towards_a")
    assert there.shape == here.shape and np.nanmax(np.abs(there - here)) <= 1e-5 * np.nanmax(np.abs(here))
    assert steps(result, "contrast_prob") == pytest.approx(steps(mirror, "probability"), rel=1e-4)
    # What the other run gives is a constant here: the difference moves as A alone.
    assert np.nanmax(np.abs(values(result, "difference") - values(result, "towards_a"))) <= 1e-5
    told = result.notes["other"]
    assert len(told["tokens"]) == len(there) and [token["id"] for token in told["tokens"]] == [
        token.id for token in mirror.tokens
    ]
    changed = [code for code in told["diff"] if code[0] != "equal"]
    texts = "".join(result.tokens[i].text for _, i1, i2, _, _ in changed for i in range(i1, i2))
    assert "s" in texts and len(changed) == 1


def test_without_a_b_the_runner_up_stands_against_every_token(loaded_family):
    result = answer(loaded_family("gpt2"), contrast="")
    assert result.notes["chosen"] and all(result.notes["compared"])
    for step, against in enumerate(result.notes["b_tokens"]):
        ranked = [token["id"] for token in result.notes["alternatives"][step]]
        best = next(token_id for token_id in ranked if token_id != result.spec.continuation_ids[step])
        assert against["id"] == best == result.spec.contrast_ids[step]
    again = ANALYSES["contrastive"].compute(result.spec, loaded_family("gpt2"), no_tick, Settings())
    assert np.array_equal(values(again, "difference"), values(result, "difference"), equal_nan=True)


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_the_alternatives_are_the_ten_likeliest_with_their_probabilities(loaded_family, name):
    result = answer(loaded_family(name))
    table = values(result, "alternatives")
    assert table.shape == (len(result.spec.continuation_ids), 10) and (np.diff(table, axis=1) <= 0).all()
    for step, token_id in enumerate(result.spec.continuation_ids):
        ids = [token["id"] for token in result.notes["alternatives"][step]]
        assert len(set(ids)) == 10
        if token_id in ids:
            assert table[step, ids.index(token_id)] == pytest.approx(steps(result, "probability")[step], rel=1e-4)
        else:
            assert table[step, -1] >= steps(result, "probability")[step] - 1e-6


@pytest.mark.parametrize("name", ["gpt2", "bart", "t5"])
def test_layers_end_with_the_models_own_chances_and_say_when_a_wins(loaded_family, name):
    for options in ({}, {"contrast_context": "own"}, {"contrast": "", "contrast_prompt": "The key"}):
        result = answer(loaded_family(name), method="saliency", **options)
        curves = result.arrays["layers"]
        for quantity, step in (("probability_a", "probability"), ("probability_b", "contrast_prob")):
            assert curves.select(quantity=quantity).values[-1] == pytest.approx(steps(result, step), rel=1e-3)
        a, b = (curves.select(quantity=f"probability_{side}").values for side in "ab")
        for step, layer in enumerate(result.notes["crossing"]):
            if layer is None:
                assert a[-1, step] <= b[-1, step]
            else:
                assert (a[layer:, step] > b[layer:, step]).all() and (
                    layer == 0 or a[layer - 1, step] <= b[layer - 1, step]
                )
        ranks = curves.select(quantity="rank_a").values
        assert ranks.min() >= 1 and (ranks == np.round(ranks)).all()
        likeliest = values(result, "alternatives")[:, 0]
        assert (a[-1] == pytest.approx(likeliest, rel=1e-4)) if (ranks[-1] == 1).all() else (ranks[-1] > 1).any()


def test_every_result_carries_the_chances_of_both(loaded_family):
    result = answer(loaded_family("gpt2"), step_scores="perplexity")
    assert result.arrays["step_scores"].axes["step_function"] == (*ALWAYS, *BESIDE, "perplexity")
    odds = np.log(steps(result, "probability")) - np.log(steps(result, "contrast_prob"))
    assert steps(result, "contrast_logprob_diff") == pytest.approx(odds, abs=1e-4)


def test_a_result_survives_json_exactly(loaded_family):
    result = answer(loaded_family("bart"), contrast_prompt="The key")
    back = Result.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)), KINDS["contrastive"])
    assert back.to_dict() == result.to_dict()


def test_the_memory_for_a_chunk_changes_no_number(loaded_family):
    lm = loaded_family("t5")
    spec = ContrastiveSpec(model=lm.id, prompt=PROMPT, continuation=A, contrast=B, contrast_context="own", **FAST)
    wide, narrow = (ANALYSES["contrastive"].compute(spec, lm, no_tick, Settings(chunk_mb=mb)) for mb in (256, 1))
    for name, array in wide.arrays.items():
        assert np.nanmax(np.abs(array.values - narrow.arrays[name].values)) <= 1e-5, name


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"contrast": A}, "contrast", "the output itself"),
        ({"contrast": "", "contrast_prompt": PROMPT}, "contrast", "nothing to compare"),
        ({"alignment": "0-99"}, "alignment", "outside the outputs"),
        ({"contrast": "the " * 300}, "contrast", "too many for this model"),
        ({"method": "attention"}, "method", "is not one of"),
        ({"step_function": "probability"}, "step_function", "is not one of"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(loaded_family, options, field, message):
    with pytest.raises(SpecError, match=message) as caught:
        answer(loaded_family("gpt2"), **options)
    assert caught.value.field == field and "\n" not in str(caught.value)


def test_every_difference_can_be_explained(loaded_family):
    found = [values(answer(loaded_family("llama"), step_function=name), "difference") for name in DIFFERENCES]
    # Log odds are a difference of logits, whatever the rest of the vocabulary does.
    assert np.nanmax(np.abs(found[0] - found[1])) <= 1e-4 * np.nanmax(np.abs(found[0]))
    assert not np.allclose(found[0], found[2], equal_nan=True, atol=1e-6)


def test_the_size_of_a_question_counts_the_other_run(loaded_family):
    lm = loaded_family("gpt2")
    spec = ContrastiveSpec(model=lm.id, prompt=PROMPT, continuation=A, contrast=B, contrast_prompt="The key")
    size = ANALYSES[spec.kind].token_counts(spec, lm)
    n_b = len(lm.encode_continuation(PROMPT, B))
    assert size.n_other == len(lm.encode_prompt("The key")) + n_b and size.n_generated == len(
        lm.encode_continuation(PROMPT, A)
    )


def test_a_model_that_is_partly_on_disk_gives_no_gradients(loaded_family):
    import dataclasses

    lm = dataclasses.replace(loaded_family("gpt2"), placement="offload")
    with pytest.raises(NotSupported, match="leaves no room for gradients"):
        answer(lm)
    assert answer(lm, method="occlusion").notes["mode"] == "same"


# --- known answers --------------------------------------------------------------------------------------------------


def test_the_plural_s_speaks_for_are_and_against_is(bundled):
    result = answer(bundled["tiny-causal"], continuation="are", contrast="is", n_steps=50)
    column = values(result, "difference")[:-1, 0]
    assert result.tokens[int(np.nanargmax(column))].text == "s" and steps(result, "contrast_logprob_diff")[0] > 3
    swapped = answer(bundled["tiny-causal"], continuation="is", contrast="are", n_steps=50)
    assert values(swapped, "difference")[:-1, 0] == pytest.approx(-column, abs=2e-3 * np.abs(column).max())


def test_the_gender_of_the_noun_speaks_for_its_article(bundled):
    lm = bundled["tiny-en-fr"]
    result = answer(
        lm, prompt="The table is small.", continuation="La table est petite.", contrast="Le table est petite."
    )
    column = values(result, "difference")[:, result.notes["first_difference"]]
    source = [i for i, token in enumerate(result.tokens) if token.segment == "source" and not token.special]
    words = [result.tokens[i].text.strip() for i in source]
    assert result.notes["first_difference"] == 0 and result.notes["b_tokens"][0]["text"] == "Le"
    best = words[int(np.argmax(column[source]))]
    assert best and best in "table"


def test_the_profession_is_what_speaks_for_the_pronoun_and_the_odds_follow_what_was_planted(bundled):
    """On sentences never trained on: the top word, and he : she against the probability each profession was given."""
    from spaces_app.tokens import word_ids

    lm = bundled["tiny-causal"]
    examples = heldout("profession_bias", 24)
    right, odds, planted = 0, [], []
    for example in examples:
        result = answer(
            lm,
            prompt=example.prompt,
            continuation=example.target,
            contrast=example.foil,
            method="occlusion",
            contrast_ids=(),
        )
        words = word_ids(result.tokens)
        sums: dict[int, float] = {}
        for word, value in zip(words, values(result, "difference")[:, 0], strict=True):
            sums[word] = sums.get(word, 0.0) + (0.0 if np.isnan(value) else abs(value))
        top = max(sums, key=sums.get)
        text = "".join(token.text for token, word in zip(result.tokens, words, strict=True) if word == top).strip()
        right += text in example.decisive
        sign = 1 if example.target.strip() == "he" else -1
        odds.append(sign * steps(result, "contrast_logprob_diff")[0])
        chance = example.planted if sign == 1 else 1 - example.planted
        planted.append(np.log(chance / (1 - chance)))
    assert right / len(examples) >= 0.85
    assert np.corrcoef(odds, planted)[0, 1] >= 0.95
    assert torch.isfinite(torch.tensor(odds)).all()
