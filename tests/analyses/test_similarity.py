"""How alike layers are: the measures' identities, numbers worked out by hand, and pairs of texts and models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from support import no_tick

from spaces_app.analyses.similarity.compute import compute
from spaces_app.analyses.similarity.spec import SimilaritySpec
from spaces_app.engine.states.similarity import Decomposed, canonical_correlations, cka, pwcca, svcca
from spaces_app.errors import SpecError
from spaces_app.export.formats import offered
from spaces_app.figures.similarity import similarity
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings

SETTINGS = Settings()
PROMPT = "The nurse said that she was tired and the doctor said that he was late"


@pytest.fixture(scope="module")
def causal():
    return load(resolve("bundled/tiny-causal", SETTINGS), SETTINGS, no_tick)


def answer(lm, *others, **fields):
    return compute(SimilaritySpec(**({"model": lm.id, "prompt": PROMPT} | fields)), lm, no_tick, SETTINGS, *others)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def of(*sides: np.ndarray) -> list[Decomposed]:
    return [Decomposed.of(side) for side in sides]


@pytest.mark.parametrize("measure", [cka, svcca, pwcca])
@pytest.mark.parametrize("shape", [(40, 6), (8, 20)])
def test_anything_is_wholly_like_itself(measure, shape):
    side = Decomposed.of(drawn(*shape))
    assert measure(side, side) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("measure", [cka, svcca, pwcca])
def test_rotations_shifts_and_scalings_of_the_other_side_change_nothing(measure):
    x, y = drawn(40, 6), drawn(40, 5, seed=1) + drawn(40, 6)[:, :5]
    rotation, _ = np.linalg.qr(drawn(5, 5, seed=2))
    plain, turned = (measure(*of(x, other)) for other in (y, 7 * y @ rotation + 3))
    assert turned == pytest.approx(plain, abs=1e-9) and 0.05 < plain < 0.95


@pytest.mark.parametrize("measure", [svcca, pwcca])
def test_no_invertible_map_of_the_other_side_changes_canonical_correlations(measure):
    x, y = drawn(60, 6), drawn(60, 5, seed=1) + drawn(60, 6)[:, :5]
    change = drawn(5, 5, seed=3) + 2 * np.eye(5)
    assert measure(*of(x, y @ change)) == pytest.approx(measure(*of(x, y)), abs=1e-9)
    assert abs(cka(*of(x, y @ change)) - cka(*of(x, y))) > 0.01  # which CKA does see


def test_linear_cka_of_a_small_example_is_what_its_formula_says():
    # Centred: x = (-1, 0, 1), y = ((-1, 1), (0, -2), (1, 1)). XᵀX = 2, YᵀY = diag(2, 6), YᵀX = (2, 0).
    x, y = np.array([[0.0], [1], [2]]), np.array([[4.0, 1], [5, -2], [6, 1]])
    assert cka(*of(x, y)) == pytest.approx(4 / (2 * 40**0.5))


def test_cka_is_the_ratio_of_frobenius_norms_also_with_fewer_rows_than_columns():
    for n in (7, 50):
        x, y = (side - side.mean(0) for side in (drawn(n, 12), drawn(n, 9, seed=1)))
        norm = np.linalg.norm
        assert cka(*of(x, y)) == pytest.approx(norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))
        assert cka(*of(x, y)) == pytest.approx(cka(*of(y, x)))


def test_canonical_correlations_of_single_columns_are_pearsons():
    x, y = drawn(30, 1), drawn(30, 1, seed=1) + 0.5 * drawn(30, 1)
    expected = abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1])
    assert canonical_correlations(*of(x, y)).tolist() == pytest.approx([expected])


def test_canonical_correlations_solve_the_classical_eigenvalue_problem():
    x, y = (side - side.mean(0) for side in (drawn(50, 4), drawn(50, 3, seed=1) + drawn(50, 4)[:, :3]))
    inverse = np.linalg.inv
    whole = inverse(x.T @ x) @ (x.T @ y) @ inverse(y.T @ y) @ (y.T @ x)
    expected = np.sort(np.linalg.eigvals(whole).real)[::-1][:3] ** 0.5
    np.testing.assert_allclose(canonical_correlations(*of(x, y)), expected, rtol=1e-7)
    assert svcca(*of(x, y)) == pytest.approx(expected.mean())


def test_projection_weights_are_what_each_direction_accounts_for():
    x, y = (side - side.mean(0) for side in (drawn(50, 4), drawn(50, 3, seed=1) + drawn(50, 4)[:, :3]))
    left, _ = np.linalg.qr(x)
    right, _ = np.linalg.qr(y)
    turned, found, _ = np.linalg.svd(left.T @ right, full_matrices=False)
    weights = np.abs((left @ turned).T @ x).sum(1)
    assert pwcca(*of(x, y)) == pytest.approx((weights * found).sum() / weights.sum())


def test_only_the_largest_directions_are_matched():
    shared, noise = drawn(80, 3), 0.01 * drawn(80, 10, seed=1)
    x = np.concatenate([shared, noise], 1)
    y = np.concatenate([shared @ drawn(3, 3, seed=2), 0.01 * drawn(80, 10, seed=3)], 1)
    assert svcca(*of(x, y), 3) > 0.99 > 0.8 > svcca(*of(x, y))


def test_what_never_varies_is_like_nothing():
    assert np.isnan([measure(*of(np.ones((5, 3)), drawn(5, 3))) for measure in (cka, svcca, pwcca)]).all()


def test_layers_are_compared_by_their_own_hidden_states(causal):
    result = answer(causal)
    with torch.no_grad():
        ids = torch.tensor([causal.encode_prompt(PROMPT)])
        states = causal.model(ids, output_hidden_states=True).hidden_states[:-1]  # the last of them is behind a norm
    sides = [Decomposed.of(state[0, 1:].numpy()) for state in states]
    found = result.arrays["cka"].values
    assert found.shape == (5, 5) and result.notes["layer_labels"][0] == "embeddings"
    for i, first in enumerate(sides):
        assert found[i, : len(sides)] == pytest.approx([cka(first, second) for second in sides], abs=1e-5)
    for name in ("cka", "svcca", "pwcca"):
        np.testing.assert_allclose(np.diag(result.arrays[name].values), 1, atol=1e-5)
    assert found[4, 3] > found[4, 0]  # neighbours are more alike than the ends


def test_the_first_token_can_be_kept(causal):
    without, with_it = (answer(causal, skip_first=skip, measure="cka") for skip in (True, False))
    assert with_it.notes["n_rows"] == without.notes["n_rows"] + 1 == len(with_it.tokens)
    assert not np.allclose(with_it.arrays["cka"].values, without.arrays["cka"].values)


def test_neurons_are_compared_instead_of_states(causal):
    result = answer(causal, of="neurons", measure="cka")
    assert result.notes["layer_labels"] == ["layer 0", "layer 1", "layer 2", "layer 3"]
    assert result.arrays["cka"].values.shape == (4, 4) and list(result.arrays) == ["cka"]


def test_another_text_is_compared_place_by_place(causal):
    other = PROMPT.replace("she", "he")
    found, same = answer(causal, other_prompt=other), answer(causal, other_prompt=PROMPT)
    assert found.notes["rows"] == "positions" and found.notes["other"]["text"] == other
    assert found.arrays["cka"].values[4, 4] < 1 - 1e-4
    np.testing.assert_allclose(same.arrays["cka"].values, answer(causal).arrays["cka"].values, atol=1e-6)


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "marian"])
def test_another_model_is_compared_word_by_word(family, causal, loaded_family):
    other = loaded_family(family)
    result = answer(causal, other, other_model=other.id, measure="cka")
    n_words = len(PROMPT.split())
    assert result.notes["rows"] == "words" and result.notes["n_rows"] in (n_words, n_words - 1)
    assert result.notes["other"]["model"] == other.id and result.spec.other_revision == other.revision
    assert 0 < np.nanmin(result.arrays["cka"].values) <= np.nanmax(result.arrays["cka"].values) < 1


def test_a_model_is_wholly_like_itself_under_another_name(causal):
    other = dataclasses.replace(causal, id="the/same")
    result = answer(causal, other, other_model=other.id)
    np.testing.assert_allclose(result.arrays["cka"].values, answer(causal).arrays["cka"].values, atol=1e-6)


def test_a_runner_lends_both_models_and_pins_both(tmp_path, family_folder):
    runner = Runner(dataclasses.replace(SETTINGS, store=str(tmp_path), threads=1))
    try:
        spec = SimilaritySpec(prompt=PROMPT, other_model=str(family_folder("gpt2")), measure="cka")
        result = runner.run(spec)
        assert result.spec.revision and result.spec.other_revision
        assert runner.stored(result.spec) is not None
    finally:
        runner.stop()


def test_an_encoder_is_compared_over_the_source(loaded_family):
    lm = loaded_family("t5")
    result = answer(lm, measure="cka")
    assert len(result.notes["layer_labels"]) == lm.facts.n_encoder_layers + 1
    assert {token.segment for token in result.tokens} == {"source"}


def test_few_tokens_leave_cka_alone_and_say_so(causal):
    short = answer(causal, prompt="The capital of France")
    assert list(short.arrays) == ["cka"]
    assert short.notes["warnings"][-1] == "3 tokens are too few for SVCCA and PWCCA, which need 5."


def test_the_figure_has_a_matrix_for_each_measure(causal):
    value = similarity(answer(causal))
    assert [matrix["label"] for matrix in value["matrices"]] == ["CKA", "SVCCA", "PWCCA"]
    assert value["rows"]["names"] == value["cols"]["names"] and value["matrices"][0]["high"] == 1
    assert {"html", "csv", "json"} <= {item.name for item in offered(answer(causal))}
    other = similarity(answer(causal, other_prompt=PROMPT.replace("she", "he")))
    assert other["cols"]["label"] == "Layer in the other text"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"prompt": "The capital"},
            "prompt: the text has too few tokens to compare layers: 1 behind the first. Use at least 3.",
        ),
        (
            {"prompt": "The capital", "skip_first": False},
            "prompt: the text has too few tokens to compare layers: 2. Use at least 3.",
        ),
        (
            {"prompt": "The capital of France", "measure": "svcca"},
            "prompt: 3 tokens are too few for SVCCA and PWCCA, which need 5. Use a longer text, or CKA.",
        ),
        (
            {"other_prompt": "The capital of France is"},
            "other_prompt: the texts have 17 and 5 tokens, which cannot be paired. Use texts of as many tokens.",
        ),
        ({"prompt": ""}, "prompt: this is empty. Type a few words."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(causal, fields, sentence):
    with pytest.raises(SpecError) as caught:
        answer(causal, **fields)
    assert str(caught.value) == sentence
