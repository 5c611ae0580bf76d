"""Attribution methods: values known by hand, sums that must come out, and the table itself."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tiny
import torch
from torch.utils.flop_counter import FlopCounterMode

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.engine.forced import ForcedPass
from spaces_app.errors import NotSupported
from spaces_app.methods import AGGREGATIONS, BASELINES, METHODS, REDUCTIONS, AttributionRequest, CostInputs, reduction
from spaces_app.methods.integrated import gauss_legendre
from spaces_app.step_functions import STEP_FUNCTIONS

LOGIT, PROBABILITY = STEP_FUNCTIONS["logit"].fn, STEP_FUNCTIONS["probability"].fn

# Tokens 0 to 3 with embeddings of two units; the logit of token 3 adds up (2, -1) · embedding over all tokens read.
TABLE = [[0, 0], [3, 1], [1, 4], [0, -2]]
WEIGHTS = [[0, 0], [1, 0], [0, 1], [2, -1]]
LINEAR_IDS = ((), (1, 2), (3, 3))  # 1 contributes 2·3 − 1 = 5, 2 contributes 2 − 4 = −2, and 3 contributes 2


def linear() -> ForcedPass:
    return ForcedPass(tiny.wrapped(tiny.LinearModel(TABLE, WEIGHTS), eos_ids=(0,)), LINEAR_IDS)


def attribute(name: str, run: ForcedPass, score=PROBABILITY, *, reduce: str = "", **options):
    chosen = reduce or reduction(METHODS[name], "auto")
    keep = (lambda values: values) if reduce == "raw" else REDUCTIONS[chosen]
    return METHODS[name].attribute(run, AttributionRequest(score, keep, **options))


# --- known by hand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, m in METHODS.items() if m.signed and "layer" not in m.options])
def test_signed_methods_recover_the_contributions_of_a_linear_score(name):
    scores = attribute(name, linear(), LOGIT, baseline="zero", n_steps=2).scores
    assert scores[0].tolist() == pytest.approx([5, -2, float("nan")], nan_ok=True)
    assert scores[1].tolist() == pytest.approx([5, -2, 2])


def test_saliency_of_a_linear_score_is_the_size_of_its_weights():
    scores = attribute("saliency", linear(), LOGIT).scores
    assert scores[1].tolist() == pytest.approx([5**0.5] * 3)
    raw = attribute("saliency", linear(), LOGIT, reduce="raw").scores
    assert raw[1].tolist() == [[2, 1]] * 3  # |(2, −1)|, hidden units kept


def test_a_baseline_token_takes_the_place_of_a_token():
    run = linear()
    scores = attribute("occlusion", run, LOGIT, baseline="pad").scores  # token 0, an end mark too: (0, 0)
    assert scores[1].tolist() == pytest.approx([5, -2, 2])
    run.lm.facts.unk_id = 1
    scores = attribute("occlusion", run, LOGIT, baseline="unk").scores
    assert scores[1].tolist() == pytest.approx([0, -7, -3])  # against 5, which token 1 contributes


def test_gauss_legendre_is_exact_for_a_cubic_from_two_points():
    nodes, weights = gauss_legendre(2)
    assert sum(w * x**3 for x, w in zip(nodes, weights, strict=True)) == pytest.approx(1 / 4)
    assert sum(gauss_legendre(50)[1]) == pytest.approx(1)


def test_reductions_of_three_and_minus_four():
    values = torch.tensor([[3.0, -4.0]])
    found = {name: reduce(values).item() for name, reduce in REDUCTIONS.items()}
    assert found == pytest.approx({"sum": -1, "l2": 5, "l1": 7, "mean": -0.5, "max": -4})


def test_automatic_aggregation_keeps_the_sign_of_signed_methods():
    assert reduction(METHODS["integrated_gradients"], "auto") == "sum"
    assert reduction(METHODS["saliency"], "auto") == "l2"
    assert reduction(METHODS["saliency"], "l1") == "l1"
    assert set(AGGREGATIONS) == {"auto", *REDUCTIONS}


# --- identities -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", ["probability", "logit", "entropy"])
@pytest.mark.parametrize("family", ["gpt2", "llama", "bart", "marian"])
def test_integrated_gradients_add_up_to_the_rise_from_the_baseline(loaded_family, family, score):
    lm, score = loaded_family(family), STEP_FUNCTIONS[score].fn
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    answer = attribute("integrated_gradients", run, score, baseline="unk", n_steps=200)
    baseline = run.baseline("unk")
    for step in (0, run.n_generated - 1):
        rise = (tiny.one_step(lm, ids, step, score)[0] - tiny.one_step(lm, ids, step, score, baseline)[0]).item()
        assert answer.explained[step] == pytest.approx(rise, rel=1e-4, abs=1e-7)
        total = answer.scores[step].nansum().item()
        assert total == pytest.approx(rise, rel=0.02, abs=1e-4)  # what 200 points leave on these sharp random models
        assert answer.convergence_gap[step] == pytest.approx(total - rise, abs=1e-5 + 1e-4 * abs(rise))


def test_more_steps_bring_integrated_gradients_closer(loaded_family):
    run = ForcedPass(loaded_family("t5"), tiny.sequence(loaded_family("t5")))
    few, many = (attribute("integrated_gradients", run, n_steps=n).convergence_gap for n in (5, 100))
    assert np.abs(many).max() < np.abs(few).max() / 10


def test_input_x_gradient_is_the_embedding_times_the_gradient(loaded_family):
    lm = loaded_family("gemma")
    ids = tiny.sequence(lm)
    _, gradients, embeds = tiny.step_by_step(lm, ids, PROBABILITY)
    found = attribute("input_x_gradient", ForcedPass(lm, ids), reduce="raw").scores
    expected = gradients * embeds
    assert (found - expected).nan_to_num().abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("family", ["gpt2", "qwen3", "bart", "t5"])
def test_occlusion_is_what_taking_one_token_away_does(loaded_family, family):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    scores, baseline = attribute("occlusion", run, baseline="mean").scores, run.baseline("mean")
    last = run.n_generated - 1
    there = tiny.one_step(lm, ids, last, PROBABILITY)[0]
    for token in range(run.n_inputs):
        embeds = run.embeds.clone()
        embeds[token] = baseline[token]
        expected = (there - tiny.one_step(lm, ids, last, PROBABILITY, embeds)[0]).item()
        assert scores[last, token] == pytest.approx(expected, abs=1e-5 * there.item())
    assert scores.nan_to_num().min() < 0 < scores.nan_to_num().max()  # both directions, unlike Inseq's


@pytest.mark.parametrize("family", ["gpt2", "gemma2", "mistral"])
def test_attention_is_the_mean_of_what_the_model_reports_and_sums_to_1(loaded_family, family):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    scores = attribute("attention", ForcedPass(lm, ids)).scores
    read = torch.tensor([[*ids[1], *ids[2][:-1]]])
    with torch.no_grad():
        reported = torch.stack(lm.model(read, output_attentions=True, use_cache=False).attentions)
    expected = reported[:, 0].mean((0, 1))[len(ids[1]) - 1 :]
    assert torch.allclose(scores.nan_to_num(), expected, atol=1e-6)
    assert scores.nansum(1).tolist() == pytest.approx([1.0] * len(ids[2]), abs=1e-5)


def test_attention_to_source_and_to_output_each_sum_to_1(loaded_family):
    lm = loaded_family("m2m100")
    ids = tiny.sequence(lm)
    answer = attribute("attention", ForcedPass(lm, ids))
    n_source = len(ids[0])
    assert answer.scores[:, :n_source].sum(1).tolist() == pytest.approx([1.0] * 6, abs=1e-5)
    assert answer.scores[:, n_source:].nansum(1).tolist() == pytest.approx([1.0] * 6, abs=1e-5)
    assert "each sum to 1" in answer.remarks[0]
    alone = attribute("attention", ForcedPass(lm, ids, attribute_prefix=False))
    assert alone.remarks == () and alone.scores[:, n_source:].isnan().all()


def test_attention_of_a_model_that_has_none_is_refused():
    lm = tiny.random("MambaForCausalLM", "MambaConfig", vocab_size=61, hidden_size=32, num_hidden_layers=2)
    with pytest.raises(NotSupported, match="does not show its attention"):
        attribute("attention", ForcedPass(lm, tiny.sequence(lm)))


# --- baselines ------------------------------------------------------------------------------------------------------


def test_end_marks_and_what_starts_a_decoder_stay_in_the_baseline(loaded_family):
    lm = loaded_family("m2m100")  # decoder start and language tag before the output, end mark after the source
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    stays = (run.baseline("pad") == run.embeds).all(-1).tolist()
    n_source, n_prompt = len(ids[0]), len(ids[1])
    assert n_prompt == 2 and ids[0][-1] in lm.facts.eos_ids
    assert [i for i, same in enumerate(stays) if same] == [n_source - 1, n_source, n_source + 1]
    scores = attribute("occlusion", run, baseline="pad").scores
    assert (scores[:, [n_source - 1, n_source, n_source + 1]] == 0).all()


@pytest.mark.parametrize("name", ["mask", "unk", "pad", "eos"])
def test_a_token_baseline_is_the_embedding_the_model_reads_for_it(loaded_family, name):
    lm = loaded_family("bart")
    run = ForcedPass(lm, tiny.sequence(lm))
    token = {"eos": lm.facts.eos_ids[0]}.get(name) or getattr(lm.facts, f"{name}_id")
    expected = lm.model.get_encoder().get_input_embeddings()(torch.tensor([token]))[0]
    assert torch.equal(run.baseline(name)[0], expected)


def test_the_mean_baseline_is_the_mean_over_the_vocabulary():
    run = linear()
    assert run.baseline("mean")[0].tolist() == pytest.approx([1, 0.75])


def test_an_automatic_baseline_takes_the_first_token_there_is():
    run = linear()
    assert run.baseline("auto")[0].tolist() == [0, -2]  # no mask; unk is token 3
    run.lm.facts.mask_id = 2
    assert run.baseline("auto")[0].tolist() == [1, 4]
    run.lm.facts.mask_id = run.lm.facts.unk_id = run.lm.facts.pad_id = None
    assert run.baseline("auto")[0].tolist() == [0, 0]


def test_a_baseline_token_the_model_lacks_is_refused():
    with pytest.raises(NotSupported, match="no mask token. Choose zero or mean"):
        linear().baseline("mask")


# --- the table ------------------------------------------------------------------------------------------------------


def test_every_method_says_what_it_is():
    fields = {field.name for field in dataclasses.fields(AttributionSpec)}
    assert BASELINES[0] == "auto" and len(set(BASELINES)) == len(BASELINES)
    for name, method in METHODS.items():
        assert method.name == name and method.label and method.source.startswith("https://arxiv.org/abs/")
        assert method.family in {"gradient", "perturbation", "attention", "propagation"}
        assert method.description.endswith(".")
        assert set(method.options) <= fields


def test_the_tables_do_not_start_torch():
    code = (
        "import sys, spaces_app.methods, spaces_app.step_functions, spaces_app.analyses; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class Global:
    """Counts everything under one name."""

    parents = {"Global"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize("family", ["gpt2", "bart"])
@pytest.mark.parametrize("name", METHODS)
def test_a_methods_cost_is_near_the_operations_counted(family, name):
    if family == "gpt2":
        lm = tiny.gpt2(spread=1.0, vocab_size=401, n_embd=256, n_layer=4, n_positions=128)
        ids, size = tiny.sequence(lm, 20, 24), (0, 20, 24)
    else:
        layers = {"encoder_layers": 4, "decoder_layers": 4, "encoder_ffn_dim": 1024, "decoder_ffn_dim": 1024}
        heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 128}
        lm = tiny.random(
            "BartForConditionalGeneration", "BartConfig", spread=1.0, vocab_size=401, d_model=256, **layers, **heads
        )
        lm.facts.encoder_decoder, lm.facts.n_encoder_layers, lm.facts.n_layers = True, 4, 4
        lm.decoder_start = (2,)
        ids, size = tiny.sequence(lm, 1, 24, 20), (20, 1, 24)
    run = ForcedPass(lm, ids)
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Global()  # its own tracker cannot follow autograd.grad
    options = {"n_steps": 2 if name == "sequential_integrated_gradients" else 5, "n_samples": 8}  # that one is slow
    with counter:
        attribute(name, run, **options)
    predicted = METHODS[name].cost(CostInputs(lm.facts, *size, **options))
    assert 0.8 <= predicted / counter.get_total_flops() <= 1.25
