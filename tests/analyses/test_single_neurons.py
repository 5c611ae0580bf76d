"""Single neurons along texts: their activations as torch gives them, those that vary most, and groups that do alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import no_tick

from spaces_app.analyses.neurons.compute import compute
from spaces_app.analyses.neurons.spec import NeuronsSpec
from spaces_app.errors import SpecError
from spaces_app.export.formats import offered
from spaces_app.figures.neurons import neurons
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.settings import Settings

SETTINGS = Settings()
PROMPT = "Monday, Tuesday, Wednesday, Thursday,"


@pytest.fixture(scope="module")
def causal():
    return load(resolve("bundled/tiny-causal", SETTINGS), SETTINGS, no_tick)


def answer(lm, **fields):
    return compute(NeuronsSpec(**({"model": lm.id, "prompt": PROMPT} | fields)), lm, no_tick, SETTINGS)


def by_hand(lm, ids) -> list[np.ndarray]:
    """What goes into every down-projection of a GPT-2, (n, 4 D) for each layer."""
    kept, handles = [], []
    for block in lm.model.transformer.h:
        handles.append(block.mlp.c_proj.register_forward_pre_hook(lambda _m, inputs: kept.append(inputs[0][0].numpy())))
    with torch.no_grad():
        lm.model(torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    return kept


def test_named_neurons_are_what_goes_into_the_down_projection(causal):
    result = answer(causal, neurons="3:125, 0:17", clusters=0)
    layers = by_hand(causal, causal.encode_prompt(PROMPT))
    array = result.arrays["activations"]
    assert set(array.axes["neuron"]) == {"3:125", "0:17"} and list(result.arrays) == ["activations"]
    for name, row in zip(array.axes["neuron"], array.values, strict=True):
        layer, number = map(int, name.split(":"))
        np.testing.assert_allclose(row, layers[layer][:, number], rtol=1e-4, atol=1e-5)


def test_without_names_those_that_vary_most_behind_the_first_token_are_taken(causal):
    result = answer(causal, n_neurons=7, layers="1-2", clusters=0)
    layers = by_hand(causal, causal.encode_prompt(PROMPT))
    variances = {(i, n): layers[i][1:, n].var() for i in (1, 2) for n in range(layers[i].shape[1])}
    expected = sorted(variances, key=variances.get)[-7:]
    assert {(n["layer"], n["index"]) for n in result.notes["neurons"]} == set(expected)


@pytest.mark.parametrize("clustering", ["kmeans", "agglomerative"])
def test_neurons_for_names_and_neurons_for_commas_fall_into_different_clusters(causal, clustering):
    result = answer(causal, clustering=clustering, clusters=2, n_neurons=30)
    commas = np.array([token.text == "," for token in result.tokens])
    means = result.arrays["cluster_means"].values
    assert means.shape == (2, len(result.tokens))
    lean = [row[commas].mean() - row[~commas].mean() for row in means]
    assert max(lean) > 0.3 and min(lean) < -0.3
    labels = result.arrays["cluster"].values
    assert (np.diff(labels) >= 0).all() and set(labels) == {1, 2}


def test_the_mean_of_a_cluster_is_that_of_its_neurons_parts_of_their_largest(causal):
    result = answer(causal, clusters=3)
    table = result.arrays["activations"].values
    scaled = table / np.abs(table).max(1, keepdims=True)
    labels = result.arrays["cluster"].values
    for label, row in zip(
        result.arrays["cluster_means"].axes["cluster"], result.arrays["cluster_means"].values, strict=True
    ):
        np.testing.assert_allclose(row, scaled[labels == label].mean(0), atol=1e-5)


def test_clusters_are_the_same_every_time(causal):
    first, again = answer(causal), answer(causal)
    np.testing.assert_array_equal(first.arrays["cluster"].values, again.arrays["cluster"].values)
    assert first.notes["neurons"] == again.notes["neurons"]


def test_other_texts_follow_the_same_neurons_in_parallel(causal):
    result = answer(causal, others="1, 2, 3, 4,\n\nThe keys to the cabinet", n_neurons=6)
    names = result.arrays["activations"].axes["neuron"]
    layers = by_hand(causal, causal.encode_prompt("1, 2, 3, 4,"))
    second = result.arrays["activations_2"]
    assert second.axes["neuron"] == names == result.arrays["activations_3"].axes["neuron"]
    layer, number = map(int, names[0].split(":"))
    np.testing.assert_allclose(second.values[0], layers[layer][:, number], rtol=1e-4, atol=1e-5)
    assert [token["text"] for token in result.notes["texts"][1]][:2] == ["1", ","]


def test_what_is_written_is_read_too(causal):
    result = answer(causal, max_new_tokens=4, neurons="0:1")
    assert [token.segment for token in result.tokens[-4:]] == ["generated"] * 4
    assert result.arrays["activations"].axes["token"] == tuple(range(len(result.tokens)))
    again = compute(result.spec, causal, no_tick, SETTINGS)
    np.testing.assert_array_equal(again.arrays["activations"].values, result.arrays["activations"].values)
    layers = by_hand(causal, [token.id for token in result.tokens])
    np.testing.assert_allclose(result.arrays["activations"].values[0], layers[0][:, 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2", "phi", "t5", "marian"])
def test_other_families_have_neurons_too(family, loaded_family):
    lm = loaded_family(family)
    result = answer(lm, prompt="The keys to the cabinet", n_neurons=5, clusters=2)
    assert result.arrays["activations"].values.shape[0] == 5
    assert result.notes["side"] == ("encoder" if lm.facts.encoder_decoder else "decoder")
    assert np.ptp(result.arrays["activations"].values, axis=1).min() > 0


def test_a_translation_models_decoder_is_read_where_it_writes(loaded_family):
    result = answer(loaded_family("t5"), prompt="The keys", continuation="la table", n_neurons=5)
    columns = result.arrays["activations"].axes["token"]
    assert result.notes["side"] == "decoder" and all(result.tokens[i].segment != "source" for i in columns)


def test_the_figure_puts_texts_side_by_side_and_clusters_together(causal):
    result = answer(causal, others="1, 2, 3,", n_neurons=6, clusters=2)
    value = neurons(result)
    n_first, n_second = (len(text) for text in result.notes["texts"])
    assert len(value["cols"]["names"]) == len(value["cols"]["segments"]) == n_first + 1 + n_second
    assert [matrix["name"] for matrix in value["matrices"]] == ["activation", "normalised", "cluster"]
    assert all(matrix["cols"] == n_first + 1 + n_second and matrix["rows"] == 6 for matrix in value["matrices"])
    first = result.notes["neurons"][0]
    assert value["rows"]["names"][0] == f"{first['layer']}:{first['index']} · {first['cluster']}"
    assert {"html", "csv", "json"} <= {item.name for item in offered(result)}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"neurons": "9:1"}, "neurons: there is no layer 9. Layers are numbered 0 to 3."),
        ({"neurons": "3:512"}, "neurons: layer 3 has no neuron 512. Its neurons are numbered 0 to 511."),
        ({"neurons": "3.1"}, "neurons: '3.1' is no neuron. Write layer and number, such as 3:125."),
        ({"layers": "7"}, "layers: '7' is outside this model, which has 4 of them, 0 to 3."),
        ({"others": "a\n" * 8}, "others: 8 further texts are too many. Use at most 7."),
        ({"prompt": "The"}, "prompt: the text has only one token to follow neurons along. Use a longer one."),
        ({"side": "encoder"}, "side: this model has no encoder."),
        ({"prompt": ""}, "prompt: this is empty. Type a few words."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(causal, fields, sentence):
    with pytest.raises(SpecError) as caught:
        answer(causal, **fields)
    assert str(caught.value) == sentence
