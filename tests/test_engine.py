"""The engine: one pass gives what a pass per target gives, on every family, in chunks of any size."""

from __future__ import annotations

import dataclasses

import pytest
import tiny
import torch
from families import FAMILIES

import spaces_app.engine.backward.gradients as gradients_module
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.forward import Body
from spaces_app.engine.prefix import Prefix
from spaces_app.step_functions import STEP_FUNCTIONS

PROBABILITY = STEP_FUNCTIONS["probability"].fn
LOGIT = STEP_FUNCTIONS["logit"].fn
BOTH_KINDS = ["gpt2", "bart"]


def gradients(run: ForcedPass, score=PROBABILITY, **options) -> torch.Tensor:
    """All gradients (G, n_inputs, D), later tokens included: nothing is hidden by `collect`."""
    table = torch.zeros((run.n_generated, *run.embeds.shape))
    for steps, part in run.gradients(score, **options):
        table[steps, : part.shape[1]] = part
    return table


def small_chunks(run: ForcedPass, rows: int = 1) -> ForcedPass:
    run.budget = dataclasses.replace(run.budget, rows=rows)
    return run


def line(run: ForcedPass) -> tuple:
    """A path of three points from zero."""
    return torch.zeros_like(run.embeds), (0.25, 0.5, 1.0), (0.5, 0.2, 0.3)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_pass_gives_the_scores_and_gradients_of_a_pass_per_target(loaded_family, name):
    lm = loaded_family(name)
    ids = tiny.sequence(lm)
    values, expected, embeds = tiny.step_by_step(lm, ids, PROBABILITY)
    run = ForcedPass(lm, ids)
    assert torch.equal(run.embeds, embeds)
    found = gradients(run)
    # float32: the order of summation differs between the passes; 1e-5 of the largest is some 100 roundings.
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert (run.scores(PROBABILITY) - values).abs().max() <= 1e-5 * values.max()


@pytest.mark.parametrize("name", FAMILIES)
def test_embeddings_put_back_by_hook_give_the_logits_of_the_ids(loaded_family, name):
    lm = loaded_family(name)
    run = ForcedPass(lm, tiny.sequence(lm))
    n_source, steps = run.sequence.n_source, slice(0, run.n_generated)
    with torch.no_grad():
        plain = run.body.decode(steps, states=run.body.encode()).logits
        states = run.body.encode(run.embeds[None, :n_source])
        hooked = run.body.decode(steps, run.embeds[None, n_source:], states=states).logits
    assert torch.equal(plain, hooked)


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_flows_back_from_the_future(loaded_family, name):
    lm = loaded_family(name)
    run = ForcedPass(lm, tiny.sequence(lm))
    found, before = gradients(run), run.before()
    assert not before.all() and (found[~before] == 0).all()  # exactly, not nearly
    assert (found.abs().sum(-1)[before] > 0).all()  # and everything before has a part
    assert run.collect(run.gradients(PROBABILITY)).isnan()[~before].all()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_variant_scores_as_the_model_does_with_other_embeddings(loaded_family, name):
    lm = loaded_family(name)
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    baseline = run.embeds.flip(0) * 0.5
    kept = torch.ones((run.n_inputs, run.n_inputs), dtype=torch.bool).tril(0) & ~torch.eye(run.n_inputs).bool()
    found = run.replaced(PROBABILITY, kept, baseline)
    step = run.n_generated - 1
    for row in range(0, run.n_inputs, 3):
        embeds = torch.where(kept[row, :, None], run.embeds, baseline)
        for target in (0, step):
            expected = tiny.one_step(lm, ids, target, PROBABILITY, embeds)[0]
            assert found[row, target] == pytest.approx(expected.item(), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_lets_the_beginning_of_a_text_be_reused(loaded_family, name):
    lm = loaded_family(name)
    run = ForcedPass(lm, tiny.sequence(lm))
    with torch.no_grad():
        assert Prefix.of(run.body, run.body.encode()) is not None


def test_a_model_without_keys_and_values_is_computed_in_full():
    lm = tiny.random("MambaForCausalLM", "MambaConfig", vocab_size=61, hidden_size=32, num_hidden_layers=2)
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    with torch.no_grad():
        assert Prefix.of(run.body, None) is None
    kept = ~torch.eye(run.n_inputs).bool()
    found = run.replaced(PROBABILITY, kept, torch.zeros_like(run.embeds))
    embeds = run.embeds.clone()
    embeds[4] = 0
    assert found[4, 3] == pytest.approx(tiny.one_step(lm, ids, 3, PROBABILITY, embeds)[0].item(), rel=1e-4)
    assert torch.equal(found[9, :4], run.scores(PROBABILITY)[:4].float())  # targets before the change stay


def test_a_last_block_that_mixes_positions_is_not_cut_short():
    lm = tiny.gpt2()
    lm.model.transformer.h[-1].mlp.register_forward_hook(lambda _module, _inputs, output: output.cumsum(1))
    ids = tiny.sequence(lm)
    expected = tiny.step_by_step(lm, ids, PROBABILITY)[1]
    assert (gradients(ForcedPass(lm, ids)) - expected).abs().max() <= 1e-5 * expected.abs().max()


class Forgetful(tiny.LinearModel):
    """Fills a cache as others do, but takes nothing from it: the sum begins anew with every call."""

    def forward(self, input_ids, use_cache=False, past_key_values=None):
        if past_key_values is not None:
            keys = torch.zeros((len(input_ids), 1, input_ids.shape[1], 1))
            past_key_values.update(keys, keys, 0)
        return super().forward(input_ids)


def test_a_cache_that_gives_other_numbers_is_not_used():
    lm = tiny.wrapped(Forgetful([[0, 0], [3, 1], [1, 4], [0, -2]], [[0, 0], [1, 0], [0, 1], [2, -1]]), eos_ids=())
    run = ForcedPass(lm, ((), (1, 2, 1), (3, 2, 3)))
    with torch.no_grad():
        assert Prefix.of(run.body, None) is None
    kept = ~torch.eye(5).bool()
    found = run.replaced(LOGIT, kept, torch.zeros_like(run.embeds))
    # The logit of 3 is 2·first − second unit, summed over 1, 2, 1, 3, 2: 5 − 2 + 5 + 2 − 2; a row lacks one of them.
    assert found[:, 2].tolist() == [3, 10, 3, 6, 10]


@pytest.mark.parametrize("name", BOTH_KINDS)
def test_chunks_of_one_row_give_what_one_chunk_gives(loaded_family, name):
    lm = loaded_family(name)
    ids = tiny.sequence(lm, n_generated=9)
    whole, pieces = ForcedPass(lm, ids), small_chunks(ForcedPass(lm, ids))
    expected = gradients(whole)
    assert (gradients(pieces) - expected).abs().max() <= 1e-5 * expected.abs().max()
    expected = gradients(whole, path=line(whole))
    assert (gradients(pieces, path=line(pieces)) - expected).abs().max() <= 1e-5 * expected.abs().max()
    kept = torch.rand((20, whole.n_inputs), generator=torch.Generator().manual_seed(0)) < 0.7
    zero = torch.zeros_like(whole.embeds)
    expected = whole.replaced(PROBABILITY, kept, zero)
    assert (pieces.replaced(PROBABILITY, kept, zero) - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("name", BOTH_KINDS)
def test_a_variant_scores_the_same_in_any_company(loaded_family, name):
    lm = loaded_family(name)
    run = ForcedPass(lm, tiny.sequence(lm))
    kept = torch.rand((16, run.n_inputs), generator=torch.Generator().manual_seed(1)) < 0.6
    zero = torch.zeros_like(run.embeds)
    together = run.replaced(PROBABILITY, kept, zero)
    alone = torch.cat([run.replaced(PROBABILITY, kept[row : row + 1], zero) for row in range(16)])
    reordered = run.replaced(PROBABILITY, kept.flip(0), zero).flip(0)
    assert (together - alone).abs().max() <= 1e-5 * together.abs().max()
    assert (together - reordered).abs().max() <= 1e-5 * together.abs().max()


def test_a_path_is_the_weighted_sum_of_the_gradients_at_its_points():
    lm = tiny.gpt2()
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    baseline, nodes, weights = line(run)
    expected = torch.zeros_like(gradients(run))
    for node, weight in zip(nodes, weights, strict=True):
        points = baseline + node * (run.embeds - baseline)
        for target in range(run.n_generated):
            expected[target] += weight * tiny.one_step(lm, ids, target, PROBABILITY, points)[1]
    found = gradients(run, path=(baseline, nodes, weights))
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("name", BOTH_KINDS)
def test_without_the_prefix_only_the_input_text_is_attributed(loaded_family, name):
    lm = loaded_family(name)
    ids = tiny.sequence(lm)
    full, run = ForcedPass(lm, ids), ForcedPass(lm, ids, attribute_prefix=False)
    n_text = len(ids[0]) or len(ids[1])
    assert run.attributed().tolist() == [i < n_text for i in range(run.n_inputs)]
    alone = run.collect(run.gradients(PROBABILITY))
    assert alone[:, n_text:].isnan().all()
    expected = full.collect(full.gradients(PROBABILITY))[:, :n_text]
    assert (alone[:, :n_text] - expected).abs().max() <= 1e-5 * expected.abs().max()
    baseline = run.baseline("zero")
    assert torch.equal(baseline[n_text:], run.embeds[n_text:]) and not torch.equal(baseline, run.embeds)


def test_a_model_that_reads_ahead_is_refused():
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    lm = tiny.random("BertLMHeadModel", "BertConfig", vocab_size=61, **sizes)
    with pytest.raises(Exception, match="both directions"):
        ForcedPass(lm, tiny.sequence(lm))


def test_scores_asked_for_in_advance_cost_no_pass_of_their_own(monkeypatch):
    lm = tiny.gpt2()
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids, watch=[LOGIT])
    list(run.gradients(PROBABILITY))
    monkeypatch.setattr(type(run.body), "decode", None)  # a further pass would fail
    logit, probability = run.scores(LOGIT), run.scores(PROBABILITY)
    monkeypatch.undo()
    plain = ForcedPass(lm, ids)
    assert torch.allclose(logit, plain.scores(LOGIT), rtol=1e-5)
    assert torch.allclose(probability, plain.scores(PROBABILITY), rtol=1e-5)


@pytest.mark.parametrize("name", BOTH_KINDS)
@pytest.mark.parametrize("asked", [(1, 4), (0,), (5,), ()])
def test_targets_that_are_not_asked_for_are_spared_and_the_others_stay(loaded_family, name, asked):
    lm = loaded_family(name)
    ids = tiny.sequence(lm)
    chosen = torch.tensor([target in asked for target in range(len(ids[2]))])
    for path in (False, True):
        for rows in (1, 10_000):
            whole, part = ForcedPass(lm, ids), small_chunks(ForcedPass(lm, ids, asked=chosen.tolist()), rows)
            expected, found = (gradients(run, path=line(run) if path else None) for run in (whole, part))
            assert found[~chosen, 0].isnan().all()
            assert (found[chosen] - expected[chosen]).abs().nan_to_num().sum() <= 1e-5 * expected.abs().sum()
            assert not found[chosen].isnan().any()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_walked_back_once_behind_its_last_attention(loaded_family, name):
    lm = loaded_family(name)
    gradients(ForcedPass(lm, tiny.sequence(lm)))
    assert "attention" in type(gradients_module._tails[lm.model].attention).__name__.lower()


def test_a_beginning_is_compared_once_for_every_length(loaded_family, monkeypatch):
    lm, passes, decode = loaded_family("gpt2"), [], Body.decode
    monkeypatch.setattr(
        Body, "decode", lambda self, *args, **options: passes.append(1) or decode(self, *args, **options)
    )
    for n_prompt, expected in ((40, 2), (40, 1), (30, 1), (41, 2)):
        run = ForcedPass(lm, tiny.sequence(lm, n_prompt=n_prompt))
        passes.clear()
        assert Prefix.of(run.body, None) is not None and len(passes) == expected


def test_a_sequence_of_one_target_and_one_prompt_token_works():
    lm = tiny.gpt2()
    run = ForcedPass(lm, ((), (5,), (6,)))
    expected = tiny.one_step(lm, ((), (5,), (6,)), 0, PROBABILITY)[1]
    assert (gradients(run)[0] - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert run.before().tolist() == [[True]]
