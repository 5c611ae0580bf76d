"""Neuron factors: what they separate on the bundled model, what their cards say, and what happens without one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from support import no_tick

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.neuron_factors.cards import heavy
from spaces_app.analyses.neuron_factors.compute import compute
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.cli.main import main
from spaces_app.engine import per_model
from spaces_app.engine.states import activations as engine
from spaces_app.errors import AppError, NotSupported, SpecError
from spaces_app.export.formats import FORMATS, offered
from spaces_app.figures.neuron_factors import found_again, neuron_factors
from spaces_app.link import parse_url, to_link
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.results import Result
from spaces_app.serving.gallery import examples
from spaces_app.settings import Settings
from spaces_app.tabs.neuron_factors import ablated, idle

SETTINGS = Settings()
COUNT = {"prompt": "1, 2, 3,", "max_new_tokens": 24}
LIST = {"prompt": "Countries in Asia: Indonesia, Nepal, Thailand,", "max_new_tokens": 24}


@pytest.fixture(scope="module")
def causal():
    return load(resolve("bundled/tiny-causal", SETTINGS), SETTINGS, no_tick)


def answer(lm, **fields):
    spec = NeuronFactorsSpec(**({"model": lm.id, "stability": False} | COUNT | fields))
    return compute(spec, lm, no_tick, SETTINGS)


def texts(result) -> list[str]:
    return [token.text for token in result.tokens]


def by_hand(lm, ids) -> np.ndarray:
    """What goes into every down-projection of a GPT-2. (layers, n, 4 D)"""
    kept, handles = [], []
    for block in lm.model.transformer.h:
        handles.append(block.mlp.c_proj.register_forward_pre_hook(lambda _m, inputs: kept.append(inputs[0][0].numpy())))
    with torch.no_grad():
        lm.model(torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    return np.stack(kept)


def separation(result, one, other) -> tuple[float, float]:
    """The highest correlation of a factor with being of one class of tokens, and of a factor with being of the other.

    Only tokens of the two classes count, and those behind the first.
    """
    chosen = [i for i, text in enumerate(texts(result)) if i and (one(text) or other(text))]
    values = result.arrays["factors"].values[:, chosen]
    first = np.array([one(texts(result)[i]) for i in chosen], dtype=float)
    found = [np.corrcoef(row, first)[0, 1] for row in values if row.std() > 0]
    return max(found), max(-value for value in found)


# What factors separate ------------------------------------------------------------------------------------------------


def comma(text: str) -> bool:
    return text == ","


def test_two_factors_of_a_count_are_its_commas_and_its_numbers(causal):
    result = answer(causal, k=2)
    commas, numbers = separation(result, comma, lambda text: text.strip().isdigit())
    assert commas >= 0.8 and numbers >= 0.8


@pytest.mark.parametrize("scaling", ["none", "layer", "neuron"])
@pytest.mark.parametrize("k", [2, 4])
def test_factors_of_a_list_separate_names_from_commas(causal, k, scaling):
    names = {"Indonesia", "Nepal", "Thailand", "Vietnam", "Iran", "China", "Japan", "Iraq"}
    found = separation(answer(causal, **LIST, k=k, scaling=scaling), comma, lambda text: text.strip() in names)
    assert min(found) >= 0.8


def test_the_six_factors_shown_first_hold_one_for_names_and_one_for_commas(causal):
    names = {"Indonesia", "Nepal", "Thailand", "Vietnam", "Iran"}
    result = answer(causal, **LIST, k=6, scaling="neuron")
    assert min(separation(result, comma, lambda text: text.strip() in names)) >= 0.8


# What is factorized ---------------------------------------------------------------------------------------------------


def test_factors_and_error_are_those_of_what_goes_into_the_down_projections(causal):
    result = answer(causal, k=3, layers="1-2")
    table = np.maximum(by_hand(causal, [token.id for token in result.tokens])[1:3, 1:], 0)  # without the first token
    table = np.concatenate(table, 1)
    w = result.arrays["factors"].values[:, 1:].T
    assert np.isnan(result.arrays["factors"].values[:, 0]).all()
    h = np.linalg.lstsq(w, table, rcond=None)[0]  # the best there is for these activations, negative or not
    least = np.linalg.norm(table - w @ h) / np.linalg.norm(table)
    assert least <= result.notes["error"] <= 1.05 * least
    assert result.notes["explained"] == pytest.approx(1 - result.notes["error"] ** 2, abs=1e-5)
    total = float((by_hand(causal, [token.id for token in result.tokens])[1:3, 1:] ** 2).sum())
    assert result.notes["discarded"] == pytest.approx(1 - float((table**2).sum()) / total, abs=1e-4)


def test_neurons_of_a_card_weigh_what_fits_their_firing_best(causal):
    result = answer(causal, k=2)
    layers = np.maximum(by_hand(causal, [token.id for token in result.tokens]), 0)
    values = result.arrays["factors"].values
    for number, card in enumerate(result.notes["factors"]):
        weights = [neuron["weight"] for neuron in card["neurons"]]
        assert weights == sorted(weights, reverse=True) and len(weights) == 20
        for neuron in card["neurons"][:5]:
            fired = layers[neuron["layer"], :, neuron["index"]]
            assert neuron["tokens"] == [int(i) for i in np.argsort(-fired[1:], kind="stable")[:4] + 1]
            best = nnls(values[:, 1:].T.astype(np.float64), fired[1:].astype(np.float64))[0]
            assert neuron["weight"] == pytest.approx(best[number], rel=0.02)


def test_layers_and_shares_add_up(causal):
    result = answer(causal, k=5)
    np.testing.assert_allclose(result.arrays["layers"].values.sum(1), 1, rtol=1e-5)
    shares = [card["share"] for card in result.notes["factors"]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-4)
    assert result.arrays["layers"].axes["layer"] == ("layer 0", "layer 1", "layer 2", "layer 3")


def test_scaled_by_layer_each_layer_weighs_the_same_in_the_table(causal):
    from spaces_app.analyses.neuron_factors.activation_table import table_of
    from spaces_app.engine.states.activations import activations

    ids = ((), tuple(causal.encode_prompt("1, 2, 3, 4, 5,")), ())
    found = activations(causal, ids[:2])
    for scaling, size in (("layer", 1.0), ("neuron", 1.0)):
        spec = NeuronFactorsSpec(model=causal.id, prompt="1, 2, 3, 4, 5,", scaling=scaling)
        table = table_of(spec, ids, ("decoder",), "split", found)
        blocks = [np.concatenate([table.values[:, p] for b, p in table.blocks if b[1] == layer], 1) for layer in (0, 3)]
        sizes = [np.sqrt((block**2).mean(0 if scaling == "neuron" else None)) for block in blocks]
        for found_size in sizes:
            alive = np.atleast_1d(found_size)[np.atleast_1d(found_size) > 0]
            np.testing.assert_allclose(alive, size, rtol=1e-4)
        raw = table.values * table.scale
        both = np.concatenate([raw[:, p] * (1 if b[2] == "+" else -1) for b, p in table.blocks if b[1] == 0], 1)
        n = both.shape[1] // 2
        np.testing.assert_allclose(both[:, :n] + both[:, n:], found.values["decoder"][0][1:], rtol=1e-4, atol=1e-5)


def test_aligned_with_the_output_a_token_has_what_fired_before_it(causal):
    read, written = answer(causal, k=3), answer(causal, k=3, align="output")
    n = len(read.tokens)
    ours, theirs = written.arrays["factors"].values, read.arrays["factors"].values
    assert np.isnan(ours[:, :2]).all() and not np.isnan(ours[:, 2:]).any()
    # The last token's activations are left out; the other rows are nearly the same, so the factors are as well.
    matched = [max(np.corrcoef(row[2:], other[1 : n - 1])[0, 1] for other in theirs) for row in ours]
    assert min(matched) > 0.9
    tokens = written.notes["factors"][0]["neurons"][0]["tokens"]
    assert all(1 < token < n for token in tokens)


def test_the_first_token_can_be_kept(causal):
    assert not np.isnan(answer(causal, k=2, skip_first=False).arrays["factors"].values).any()


# Gated feed-forward parts, other families -----------------------------------------------------------------------------


def test_split_keeps_everything_clip_and_gate_tell_what_they_throw_away(loaded_family):
    lm = loaded_family("llama")
    fields = {"prompt": "The keys to the cabinet are on the table.", "max_new_tokens": 0, "k": 3}
    split, clip, gate = (answer(lm, **fields, sign=sign) for sign in ("auto", "clip", "gate"))
    assert (split.notes["sign"], clip.notes["sign"], gate.notes["sign"]) == ("split", "clip", "gate")
    assert split.notes["discarded"] == pytest.approx(0, abs=1e-5)
    assert 0.2 < clip.notes["discarded"] < 0.8, "about half of a product of two is negative"
    assert 0 < gate.notes["discarded"] < clip.notes["discarded"]
    signs = {neuron["sign"] for card in split.notes["factors"] for neuron in card["neurons"]}
    assert signs == {"+", "-"} and split.notes["n_neurons"] == clip.notes["n_neurons"]


@pytest.mark.parametrize("family", ["gemma2", "opt", "gpt_neox", "t5", "bart", "marian", "m2m100"])
def test_other_families_have_factors_words_and_ablations(family, loaded_family):
    lm = loaded_family(family)
    given = {"prompt": "The keys to the cabinet are on the table.", "continuation": "la table est la"}
    result = answer(lm, **given, k=2, ablate="1", ablate_share=1.0)
    card = result.notes["factors"][0]
    assert len(card["promoted"]) == 10 and card["ablation"]["kl"] and max(card["ablation"]["kl"]) > 1e-4
    assert result.notes["factors"][1]["ablation"] is None
    assert np.nanmax(result.arrays["factors"].values) > 0


def test_both_sides_of_a_translation_model_share_the_factors(loaded_family):
    lm = loaded_family("t5")
    result = answer(lm, prompt="The keys to the cabinet", continuation="la table", k=3, side="both", scaling="layer")
    labels = [*(f"encoder {i}" for i in range(lm.facts.n_encoder_layers))]
    assert result.notes["layer_labels"] == [*labels, *(f"decoder {i}" for i in range(lm.facts.n_layers))]
    values, sources = result.arrays["factors"].values, [t.segment == "source" for t in result.tokens]
    start = sources.index(False)
    assert np.isnan(values[:, [0, start]]).all(), "the first token of either side is left out"
    assert not np.isnan(np.delete(values, [0, start], 1)).any()
    sides = result.arrays["layers"].values
    for row, share in zip(np.nan_to_num(values), sides, strict=True):
        of_encoder = row[:start].sum() / row.sum()
        assert (of_encoder > 0.5) == (share[: len(labels)].sum() > 0.5), (
            "a factor's tokens are read where its neurons are"
        )


def test_an_encoder_is_read_where_nothing_is_written(loaded_family):
    result = answer(loaded_family("bart"), prompt="The keys to the cabinet", max_new_tokens=0, k=2)
    assert result.notes["sides"] == ["encoder"] and result.notes["linear_path"] == ""
    assert all(card["promoted"] == [] for card in result.notes["factors"])


# Words of the linear path ---------------------------------------------------------------------------------------------


def test_words_are_those_of_the_unembedding_of_what_the_neurons_write(causal):
    result = answer(causal, **LIST, k=2)
    model = causal.model
    kept = by_hand(causal, [token.id for token in result.tokens])
    table = np.concatenate(np.maximum(kept[:, 1:], 0), 1)
    h = np.maximum(np.linalg.lstsq(result.arrays["factors"].values[:, 1:].T, table, rcond=None)[0], 0)
    weight = torch.cat([block.mlp.c_proj.weight for block in model.transformer.h])  # (4 · 4 D, D)
    for card, row in zip(result.notes["factors"], h, strict=True):
        direction = torch.from_numpy(row.astype(np.float32)) @ weight
        centred = (direction - direction.mean()) / direction.std() * model.transformer.ln_f.weight
        logits = centred @ model.lm_head.weight.T
        expected = logits.topk(10).indices.tolist()
        assert len({word["id"] for word in card["promoted"]} & set(expected)) >= 8
        weights = [word["weight"] for word in card["promoted"]]
        assert weights == sorted(weights, reverse=True) and weights[-1] > 0 > card["suppressed"][0]["weight"]
    assert "later layers" in result.notes["linear_path"]


def test_weights_that_are_not_in_memory_give_no_words(causal, monkeypatch):
    from spaces_app.analyses.neuron_factors import cards

    away = [type("Part", (), {"weight": torch.empty(512, 128, device="meta")})] * 4
    monkeypatch.setattr(cards, "projections", lambda lm, side: away)
    result = answer(causal, k=2)
    assert all(card["promoted"] == card["suppressed"] == [] for card in result.notes["factors"])
    assert result.notes["linear_path"] == "" and result.notes["factors"][0]["neurons"]


def test_the_commas_of_a_list_write_names_of_countries(causal):
    result = answer(causal, **LIST, k=2)
    commas = max(
        zip(result.arrays["factors"].values, result.notes["factors"], strict=True),
        key=lambda pair: pair[0][texts(result).index(",")],
    )[1]
    countries = {"Iran", "China", "Japan", "Vietnam", "Iraq", "India", "Thailand", "Nepal", "Indonesia"}
    assert len([word for word in commas["promoted"][:5] if word["text"].strip() in countries]) >= 4


# Without a factor -----------------------------------------------------------------------------------------------------


def without(lm, chosen: list[tuple[int, int]], scale: float, ids: list[int]) -> torch.Tensor:
    """Probabilities after each token with these (layer, neuron) multiplied by editing the weights, then put back."""
    kept = [block.mlp.c_proj.weight.clone() for block in lm.model.transformer.h]
    with torch.no_grad():
        for layer, neuron in chosen:
            lm.model.transformer.h[layer].mlp.c_proj.weight[neuron] *= scale
        found = lm.model(torch.tensor([ids])).logits[0].softmax(-1)
        for block, weight in zip(lm.model.transformer.h, kept, strict=True):
            block.mlp.c_proj.weight.copy_(weight)
    return found


@pytest.mark.parametrize("scale", [0.0, 2.0])
def test_an_ablation_is_the_model_with_the_weights_of_these_neurons_scaled(causal, scale):
    result = answer(causal, k=2, ablate="2", ablate_share=0.3, ablate_scale=scale)
    card = result.notes["factors"][1]
    told, chosen = card["ablation"], [(n["layer"], n["index"]) for n in card["neurons"][: card["n_neurons"]]]
    assert told["n_neurons"] == card["n_neurons"] == len(chosen) <= 20
    ids = [token.id for token in result.tokens]
    own, changed = without(causal, [], 1.0, ids), without(causal, chosen, scale, ids)
    written = result.arrays["written"]
    assert written.axes["condition"] == ("as_is", "factor 2") and np.isnan(written.values[:, 0]).all()
    for row, expected in zip(written.values, (own, changed), strict=True):
        right = [float(expected[i, ids[i + 1]]) for i in range(len(ids) - 1)]
        np.testing.assert_allclose(row[1:], right, atol=2e-5)
    divergence = (own * (own.log() - changed.log())).sum(-1)[:-1]
    np.testing.assert_allclose(told["kl"], divergence.numpy(), atol=2e-5)
    last = len(causal.encode_prompt(COUNT["prompt"])) - 1
    assert told["after"][0]["p"] == pytest.approx(float(changed[last].max()), abs=2e-5)
    assert told["before"][0]["id"] == int(own[last].argmax())
    for words, expected in ((told["before"], own), (told["after"], changed)):
        assert {word["id"] for word in words} == {word["id"] for word in told["before"]}
        assert set(expected[last].topk(10).indices.tolist()) <= {word["id"] for word in words}
        for word in words:
            assert word["p"] == pytest.approx(float(expected[last, word["id"]]), abs=2e-5)
    assert max(told["kl"]) > 1e-3


def test_without_its_commas_the_model_counts_no_longer_and_without_its_numbers_it_sets_no_commas(causal):
    result = answer(causal, k=2, ablate="all", ablate_share=0.8)
    at = [row[texts(result).index(",")] for row in result.arrays["factors"].values]
    commas, numbers = (result.notes["factors"][i]["ablation"] for i in np.argsort(at)[::-1])
    assert commas["text_before"].startswith(" 4, 5, 6,")
    assert "," in commas["text_after"] and not commas["text_after"].startswith(" 4, 5")
    assert not numbers["text_after"].startswith(" 4,")
    assert commas["before"][0]["text"] == " 4" and commas["after"][0]["text"] != " 4"


def test_an_ablation_leaves_the_model_as_it_was(causal):
    ids = torch.tensor([causal.encode_prompt("The keys to the cabinet")])
    before = causal.model(ids).logits.detach()
    answer(causal, k=2, ablate="all")
    torch.testing.assert_close(causal.model(ids).logits.detach(), before, rtol=0, atol=0)


def test_multiplied_by_one_nothing_happens(causal):
    told = answer(causal, k=2, ablate="1", ablate_scale=1.0).notes["factors"][0]["ablation"]
    assert max(told["kl"]) < 1e-5 and told["text_before"] == told["text_after"] and told["before"] == told["after"]


def test_the_heaviest_neurons_hold_the_share_asked_for():
    row = np.array([0.1, 0.7, 0.0, 0.5, 0.5])
    assert heavy(row, 0.49).tolist() == [1] and heavy(row, 0.5).tolist() == [1, 3]
    assert heavy(row, 1.0).tolist() == [1, 3, 4, 0]


# What is remembered ---------------------------------------------------------------------------------------------------


def test_another_k_or_layer_range_does_not_run_the_model(causal, monkeypatch):
    monkeypatch.setattr(per_model, "_kept", type(per_model._kept)())
    passes = []
    handle = causal.model.transformer.h[0].register_forward_hook(lambda *_: passes.append(1))
    first = answer(causal, k=2)
    counted = len(passes)
    again = [answer(causal, **change) for change in ({"k": 4}, {"layers": "1-2"}, {"scaling": "neuron"}, {"k": 2})]
    assert counted > 0 and len(passes) == counted
    assert first.notes["reused"] is False and all(result.notes["reused"] for result in again)
    np.testing.assert_array_equal(again[-1].arrays["factors"].values, first.arrays["factors"].values)
    answer(causal, k=2, prompt="2, 4, 6,")
    assert len(passes) > counted
    handle.remove()


def test_the_same_question_has_the_same_answer_and_one_to_its_own_spec(causal):
    first = answer(causal, k=3, stability=True, ablate="1")
    again = compute(first.spec, causal, no_tick, SETTINGS)
    assert again.spec == first.spec and again.tokens == first.tokens
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array.values, again.arrays[name].values)
    assert first.notes["factors"] == again.notes["factors"] and 0 <= first.notes["stability"] <= 1


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"prompt": "1, 2,", "max_new_tokens": 0, "k": 5},
            "k: 5 factors are more than the 3 tokens there are. Ask for at most 3, or give a longer text.",
        ),
        ({"layers": "3-2"}, "layers: the range '3-2' is empty: it ends before it begins. Write 2-3."),
        ({"layers": "2-4"}, "layers: '2-4' is outside this model, which has 4 of them, 0 to 3."),
        ({"layers": ""}, "layers: '' is not all, a number, or a range such as 2-5."),
        (
            {"prompt": "The", "max_new_tokens": 0},
            "prompt: the text is too short to take apart. Use one of several words.",
        ),
        ({"side": "both"}, "side: this model has no encoder."),
        ({"sign": "gate"}, "sign: the feed-forward parts of this model have no gate. Use split or clip."),
        ({"k": 3, "ablate": "4"}, "ablate: there is no factor 4 among 3. Name one that is asked for."),
        ({"k": 31}, "k: 31 is outside 2 to 30."),
        ({"prompt": ""}, "prompt: this is empty. Type a few words."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(causal, fields, sentence):
    with pytest.raises(SpecError) as caught:
        answer(causal, **fields)
    assert str(caught.value) == sentence


def test_a_model_without_feed_forward_parts_is_refused_in_a_sentence(causal, monkeypatch):
    def none(block, d_model):
        raise NotSupported("this model has no feed-forward part that can be found.", field="model")

    monkeypatch.setattr(engine, "_projection", none)
    monkeypatch.setattr(engine, "_found", type(engine._found)())
    with pytest.raises(AppError, match="no feed-forward part that can be found"):
        answer(causal, prompt="A text that nobody asked about.", max_new_tokens=0)


# What follows from the declaration ------------------------------------------------------------------------------------


def test_result_link_and_files_go_round(causal):
    result = answer(causal, k=3, ablate="2")
    again = Result.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)), NeuronFactorsSpec)
    assert again.to_dict() == result.to_dict()
    kinds = {name: analysis.spec for name, analysis in ANALYSES.items()}
    spec, _, view = parse_url(to_link(result.spec, view="factor:2,token:5"), kinds)
    assert spec == result.spec and view == "factor:2,token:5"
    assert {"html", "csv", "json"} <= {item.name for item in offered(result)}
    page = FORMATS["html"].data(result, view=view).decode("utf-8")
    assert "neuronFactors" in page and '"state":"factor:2,token:5"' in page


def test_the_figure_has_every_factor_along_every_token(causal):
    result = answer(causal, k=3, ablate="2", stability=True)
    value = neuron_factors(result, state="token:3", origin="computed")
    json.dumps(value, allow_nan=False)
    assert value["selected"] == 1 and value["state"] == "token:3" and len(value["layer_labels"]) == 4
    for number, factor in enumerate(value["factors"], 1):
        assert factor["number"] == number and len(factor["values"]) == len(value["tokens"])
        assert factor["values"][0] is None and sum(factor["layers"]) == pytest.approx(1, abs=1e-4)
    badges = {badge["label"]: badge["text"] for badge in value["badges"]}
    assert badges["Read"] == "what goes into mlp.c_proj, where they are positive"
    assert badges["Left out"] == f"{result.notes['discarded']:.1%} of the squared activation"
    assert "three other starts" in badges["Stability"] and any("later layers" in note for note in value["notes"])
    np.testing.assert_allclose(value["written"][1:], result.arrays["written"].values[0, 1:], rtol=1e-6)
    np.testing.assert_allclose(
        value["factors"][1]["ablation"]["written"][1:], result.arrays["written"].values[1, 1:], rtol=1e-6
    )
    assert value["factors"][0]["ablation"] is None
    assert "selected" not in neuron_factors(answer(causal, k=3, ablate="all"))
    assert neuron_factors(answer(causal, k=3))["written"] is None


def test_a_click_on_a_card_asks_for_the_same_without_its_factor():
    spec = NeuronFactorsSpec(prompt="1, 2, 3,", k=4)
    assert ablated(spec, {"ask": "ablate", "factor": 3}) == spec.replace(ablate="3")
    for event in ({"ask": "ablate", "factor": 5}, {"ask": "ablate"}, {"ask": "swap", "factor": 1}, {"factor": "1"}):
        with pytest.raises(SpecError):
            ablated(spec, event)


def test_every_option_without_influence_says_why():
    for spec in (
        NeuronFactorsSpec(prompt="a"),
        NeuronFactorsSpec(prompt="a", side="encoder", max_new_tokens=0),
        NeuronFactorsSpec(prompt="a", continuation="b", ablate="1"),
    ):
        reasons = idle(spec)
        assert set(reasons) == set(spec.unused()) and all(text.endswith(".") for text in reasons.values())


def test_the_cost_grows_with_what_is_asked(causal):
    record = ANALYSES["neuron_factors"]

    def operations(**fields) -> float:
        spec = NeuronFactorsSpec(**({"model": causal.id} | COUNT | fields))
        work = record.cost(spec, causal.facts, record.token_counts(spec, causal))
        return sum(part.operations * part.times for part in work.terms)

    plain = operations()
    assert operations(k=30) > plain and operations(ablate="all") > operations(ablate="1") > plain
    assert operations(stability=False) < plain < operations(max_new_tokens=100)


def test_the_command_prints_factors_words_and_ablation(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SEQSCOPE_THREADS", "1")
    path = tmp_path / "result.json"
    asked = ["--prompt", "1, 2, 3,", "--k", "2", "--max-new-tokens", "8", "--ablate", "1", "--no-stability"]
    assert main(["neuron-factors", *asked, "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert (
        "2 factors of 2,048 neurons" in printed
        and "strongest at" in printed
        and "set to zero" in " ".join(printed.split())
    )
    data = json.loads(path.read_text(encoding="utf-8"))
    row = next(line for line in printed.splitlines() if line.strip().startswith("factor 1"))
    first = data["arrays"]["factors"]["values"]
    assert f"{first[0][1]:.3f}" in row
    assert main(["neuron-factors", "--prompt", "1, 2,", "--k", "9", "--max-new-tokens", "0"]) == 2
    assert "9 factors are more than" in capsys.readouterr().err


def test_the_stability_is_told_in_a_sentence_that_names_the_factors_to_rely_on_less():
    def told(*near: float) -> str:
        factors = [{"number": i, "stability": value} for i, value in enumerate(near, 1)]
        return found_again({"stability": sum(near) / max(1, len(near)) if near else None, "factors": factors})

    assert told() == ""
    assert told(1.0, 0.8).startswith("Three random starts find the same factors")
    assert "but factor 2 only in part: rely less on that one" in told(0.9, 0.5)
    assert "but factors 2, 4 and 6 only in part: rely less on those" in told(1, 0.6, 1, 0.7, 0.9, 0.5)
    assert "but 9 of the 10 factors only in part" in told(1, *[0.5] * 9)
    assert told(0.1, 0.2).startswith("Random starts find other factors")
    result = examples("neuron_factors")[0].result
    loose = [factor["number"] for factor in result.notes["factors"] if factor["stability"] < 0.8]
    assert loose and "factors " + ", ".join(map(str, loose[:-1])) + f" and {loose[-1]} only in part" in " ".join(
        neuron_factors(result)["notes"]
    )
