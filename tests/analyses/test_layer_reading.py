"""What each layer would have written: the numbers of the model's own output layer, and what a reader needs beside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import no_tick

from spaces_app.analyses.layers.compute import compute
from spaces_app.analyses.layers.spec import LayersSpec
from spaces_app.errors import SpecError
from spaces_app.export.formats import offered
from spaces_app.figures.layer_grid import layer_grid
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.settings import Settings

SETTINGS = Settings()


@pytest.fixture(scope="module")
def causal():
    return load(resolve("bundled/tiny-causal", SETTINGS), SETTINGS, no_tick)


def answer(lm, **fields):
    return compute(LayersSpec(model=lm.id, **({"max_new_tokens": 6} | fields)), lm, no_tick, SETTINGS)


def test_the_last_layer_is_the_model_itself(causal):
    result = answer(causal, prompt="The capital of France is")
    ids = [token.id for token in result.tokens]
    with torch.no_grad():
        logits = causal.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    first = sum(token.segment != "generated" for token in result.tokens)
    expected = [logits[i - 1, ids[i]].exp().item() for i in range(first, len(ids))]
    assert result.arrays["probability"].values[-1] == pytest.approx(expected, rel=1e-4)
    ranks = [int((logits[i - 1] > logits[i - 1, ids[i]]).sum()) + 1 for i in range(first, len(ids))]
    assert result.arrays["rank"].values[-1].tolist() == ranks
    assert result.arrays["kl"].values[-1].tolist() == [0] * len(ranks)


def test_a_fact_is_there_at_the_end_and_not_at_the_beginning(causal):
    result = answer(causal, prompt="The capital of France is", watch="Berlin")
    first = result.arrays["rank"].axes["token"][0]
    assert result.text.strip().startswith("Paris")
    assert result.arrays["rank"].values[-1, 0] == 1 < result.arrays["rank"].values[0, 0]
    assert result.notes["settled"][str(first)] in range(1, len(result.notes["layer_labels"]))
    assert result.arrays["watched_rank"].values[0, -1, 0] > 1  # Berlin, at the end
    assert [word["text"] for word in result.notes["watched"]] == ["Berlin"]


def test_the_likeliest_words_are_named_and_sorted(causal):
    result = answer(causal, prompt="2, 4, 6,", top_k=4)
    shares = result.arrays["top_probabilities"].values
    assert shares.shape[-1] == 4 and (np.diff(shares, axis=-1) <= 0).all()
    ids = result.arrays["top_ids"].values[-1, :, 0].astype(int)
    written = [token for token in result.tokens if token.segment == "generated"]
    assert [result.notes["vocabulary"][str(i)] for i in ids] == [token.text for token in written]
    assert "top_ids" not in answer(causal, prompt="2, 4, 6,", top_k=0).arrays


def test_all_tokens_but_the_first_can_be_read(causal):
    some, every = (answer(causal, prompt="The keys to the cabinet", scope=scope) for scope in ("generated", "all"))
    columns = every.arrays["rank"].axes["token"]
    assert columns == tuple(range(1, len(every.tokens)))
    shared = len(some.arrays["rank"].axes["token"])
    np.testing.assert_allclose(
        every.arrays["probability"].values[:, -shared:], some.arrays["probability"].values, rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("family", ["llama", "gemma2", "t5", "marian"])
def test_other_families_end_at_rank_one_where_they_wrote_what_is_likeliest(family, loaded_family):
    lm = loaded_family(family)
    result = answer(lm, prompt="a b c", max_new_tokens=4)
    assert (result.arrays["rank"].values[-1] == 1).all()
    assert len(result.notes["layer_labels"]) == lm.facts.n_layers + 1


def test_the_figure_shows_every_number_and_offers_only_files_it_has(causal):
    result = answer(causal, prompt="The capital of France is", watch="Paris, Berlin", top_k=3)
    value = layer_grid(result)
    assert [matrix["name"] for matrix in value["matrices"]] == ["rank", "probability", "entropy", "kl"]
    assert len(value["top"]) == len(value["rows"]["names"]) and len(value["top"][0][0]) == 3
    assert [curve["label"] for curve in value["watched"]] == ["Paris", "Berlin"]
    assert [item.name for item in offered(result)] == ["html", "svg", "pdf", "png", "latex", "csv", "json"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"watch": ",".join("abcdefghi")}, "watch: 9 words are too many. Use at most 8."),
        ({"scope": "some"}, "scope: 'some' is not one of generated, all."),
        ({"top_k": 21}, "top_k: 21 is outside 0 to 20."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(fields, sentence):
    with pytest.raises(SpecError) as caught:
        LayersSpec(prompt="x", **fields)
    assert str(caught.value) == sentence


def test_an_empty_prompt_is_refused(causal):
    with pytest.raises(SpecError, match="^prompt: "):
        answer(causal, prompt="")
