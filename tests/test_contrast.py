"""The other side of a comparison: alignment, the second run, and passes with dropout."""

from __future__ import annotations

import pytest
import tiny
import torch
from support import no_tick

from spaces_app.engine.contrast import Compared, OtherRun, align
from spaces_app.engine.dropout import dropout_probabilities, dropping
from spaces_app.engine.forced import ForcedPass
from spaces_app.errors import NotSupported
from spaces_app.methods import METHODS, REDUCTIONS, AttributionRequest
from spaces_app.step_functions import STEP_FUNCTIONS

FAMILIES = ["gpt2", "llama", "bart", "t5"]


def expected_logits(lm, ids: tuple) -> torch.Tensor:
    """Logits of every generated token, one plain call per token. (G, V)"""
    source, prompt, generated = (list(part) for part in ids)
    rows = []
    with torch.no_grad():
        for step in range(len(generated)):
            read = torch.tensor([prompt + generated[:step]])
            if source:
                output = lm.model(input_ids=torch.tensor([source]), decoder_input_ids=read, use_cache=False)
            else:
                output = lm.model(input_ids=read, use_cache=False)
            rows.append(output.logits[0, -1])
    return torch.stack(rows)


# --- alignment ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "partners"),
    [
        ("abcd", "abxd", (0, 1, 2, 3)),  # of equal length: by position
        ("abcd", "xyzw", (0, 1, 2, 3)),
        ("abcd", "abxycd", (0, 1, 4, 5)),  # something added in the other
        ("abxycd", "abcd", (0, 1, 2, 2, 2, 3)),  # something only ours has stands against what comes next
        ("abcde", "abxe", (0, 1, 2, 2, 3)),  # two words against one
        ("abc", "x", (0, 0, 0)),
        ("a", "xyz", (0,)),
        ("abc", "ab", (0, 1, 1)),  # nothing comes next: the last one
    ],
)
def test_alignment_matches_equal_runs_and_pairs_the_rest_by_position(ours, theirs, partners):
    assert align([ord(c) for c in ours], [ord(c) for c in theirs]) == partners


def test_every_token_has_exactly_one_partner_that_exists():
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        ours, theirs = (
            torch.randint(0, 4, (int(torch.randint(1, 9, (1,), generator=generator)),), generator=generator).tolist()
            for _ in range(2)
        )
        partners = align(ours, theirs)
        assert len(partners) == len(ours) and list(partners) == sorted(partners)
        assert all(0 <= partner < len(theirs) for partner in partners)


# --- the second run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_mb", [256, 0])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_other_run_gives_the_models_own_logits_at_the_partners(loaded_family, family, chunk_mb):
    lm = loaded_family(family)
    ids = tiny.sequence(lm, n_generated=7)
    partners = (0, 1, 1, 4, 6, 2)
    other = OtherRun(lm, ids, partners, chunk_mb=chunk_mb, tick=no_tick)
    expected = expected_logits(lm, ids)[list(partners)]
    assert other.targets.tolist() == [ids[2][partner] for partner in partners]
    for steps in (slice(0, 6), slice(2, 5), slice(5, 6), slice(0, 1)):
        assert torch.allclose(other.logits(steps), expected[steps], atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_divergence_is_that_of_the_two_runs(loaded_family, family):
    lm = loaded_family(family)
    ids, others = tiny.sequence(lm), tiny.sequence(lm, n_prompt=3, n_source=4, n_generated=8)
    partners = (0, 2, 4, 5, 6, 7)
    score = Compared(STEP_FUNCTIONS["kl_divergence"].fn, *_other(lm, others, partners))
    found = ForcedPass(lm, ids, watch=[score]).scores(score)
    ours, theirs = expected_logits(lm, ids).log_softmax(-1), expected_logits(lm, others)[list(partners)].log_softmax(-1)
    assert found.tolist() == pytest.approx((ours.exp() * (ours - theirs)).sum(-1).tolist(), rel=1e-4)


def _other(lm, ids, partners):
    run = OtherRun(lm, ids, partners, tick=no_tick)
    return run.targets, run


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_go_through_both_tokens_at_the_same_place_and_not_into_the_other_run(loaded_family, family):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    foils = torch.tensor([(token + 5) % 40 for token in ids[2]])
    difference, keep = STEP_FUNCTIONS["contrast_prob_diff"].fn, lambda values: values

    def gradient(score):
        return METHODS["input_x_gradient"].attribute(ForcedPass(lm, ids), AttributionRequest(score, keep)).scores

    here = gradient(Compared(difference, foils))
    other = OtherRun(lm, (ids[0], ids[1], tuple(foils.tolist())), range(6), tick=no_tick)
    across = gradient(Compared(difference, other.targets, other))
    for step in range(6):
        foil = foils[step]
        both = tiny.one_step(lm, ids, step, lambda z, y, foil=foil: z.softmax(-1)[y] - z.softmax(-1)[foil])
        alone = tiny.one_step(lm, ids, step, lambda z, y: z.softmax(-1)[y])
        for found, (_, expected, embeds) in ((here, both), (across, alone)):
            read = ~found[step].isnan()
            expected = torch.where(read[: len(embeds)], expected[: len(embeds)] * embeds, 0)
            assert torch.allclose(
                found[step][: len(embeds)].nan_to_num(), expected, atol=1e-6 + 1e-5 * expected.abs().max()
            )


def test_contrastive_targets_work_with_integrated_gradients_and_add_up(loaded_family):
    lm = loaded_family("gpt2")
    ids = tiny.sequence(lm)
    score = Compared(STEP_FUNCTIONS["contrast_logits_diff"].fn, torch.tensor([9, 8, 7, 6, 5, 4]))
    run = ForcedPass(lm, ids)
    answer = METHODS["integrated_gradients"].attribute(run, AttributionRequest(score, REDUCTIONS["sum"], n_steps=200))
    for step in (0, 5):
        foil = 9 - step
        rise = [
            tiny.one_step(lm, ids, step, lambda z, y: z[y] - z[foil], embeds)[0].item()  # noqa: B023
            for embeds in (None, run.baseline("auto"))
        ]
        assert answer.explained[step] == pytest.approx(rise[0] - rise[1], rel=1e-4)
        assert answer.scores[step].nansum().item() == pytest.approx(rise[0] - rise[1], rel=0.05)


def test_a_perturbation_moves_our_side_of_a_divergence_alone(loaded_family):
    lm = loaded_family("bart")
    ids, others = tiny.sequence(lm), tiny.sequence(lm, n_source=4)
    score = Compared(STEP_FUNCTIONS["kl_divergence"].fn, *_other(lm, others, range(6)))
    run = ForcedPass(lm, ids)
    fall = METHODS["occlusion"].attribute(run, AttributionRequest(score, REDUCTIONS["sum"], baseline="pad")).scores
    theirs = expected_logits(lm, others).log_softmax(-1)

    def divergence(logits, step):
        ours = logits.log_softmax(-1)
        return (ours.exp() * (ours - theirs[step])).sum()

    embeds = run.embeds.clone()
    embeds[2] = run.baseline("pad")[2]
    there = tiny.one_step(lm, ids, 4, lambda z, y: divergence(z, 4))[0]
    without = tiny.one_step(lm, ids, 4, lambda z, y: divergence(z, 4), embeds)[0]
    assert fall[4, 2].item() == pytest.approx((there - without).item(), rel=1e-3, abs=1e-5)


# --- dropout --------------------------------------------------------------------------------------------------------


def dropping_model(name: str):
    if name == "gpt2":
        return tiny.gpt2(spread=1.0, resid_pdrop=0.2, embd_pdrop=0.2, attn_pdrop=0.2)
    sizes = {"vocab_size": 61, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32}
    lm = tiny.random("BartForConditionalGeneration", "BartConfig", spread=1.0, dropout=0.2, decoder_ffn_dim=32, **sizes)
    lm.facts.encoder_decoder, lm.decoder_start = True, (2,)
    return lm


@pytest.mark.parametrize("name", ["gpt2", "bart"])  # with modules, and with the function called directly
def test_dropout_gives_what_training_mode_would_and_leaves_the_model_in_peace(name):
    lm = dropping_model(name)
    ids = tiny.sequence(lm)
    before = {key: value.clone() for key, value in lm.model.state_dict().items()}
    state = torch.get_rng_state()
    draws = dropout_probabilities(lm, ids, 400, 3, tick=no_tick)
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module.training or module._forward_hooks for module in lm.model.modules())
    assert all(torch.equal(value, before[key]) for key, value in lm.model.state_dict().items())
    assert draws.std(0).min() > 0 and torch.equal(draws[:5], dropout_probabilities(lm, ids, 5, 3, tick=no_tick))
    assert not torch.equal(draws[:5], dropout_probabilities(lm, ids, 5, 4, tick=no_tick))
    expected = _in_training_mode(lm, ids, 400)
    error = (draws.std(0) ** 2 / 400 + expected.std(0) ** 2 / 400).sqrt()
    assert ((draws.mean(0) - expected.mean(0)).abs() / error).max() < 4
    assert (draws.std(0) / expected.std(0)).tolist() == pytest.approx([1.0] * 6, abs=0.25)


def _in_training_mode(lm, ids: tuple, n: int) -> torch.Tensor:
    """What Inseq does, on a model that is put back afterwards. (n, G)"""
    source, prompt, generated = ids
    read = torch.tensor([[*prompt, *generated[:-1]]])
    modules = list(lm.model.modules())
    for module in modules:
        module.training = True
    rows = []
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(7)
            for _ in range(n):
                inputs = {"input_ids": torch.tensor([list(source)]), "decoder_input_ids": read} if source else {}
                logits = lm.model(**(inputs or {"input_ids": read}), use_cache=False).logits[0, len(prompt) - 1 :]
                rows.append(logits.double().softmax(-1).gather(-1, torch.tensor(generated)[:, None])[:, 0])
    finally:
        for module in modules:
            module.training = False
    return torch.stack(rows)


def test_dropout_keeps_the_mean_and_drops_the_share_it_should():
    generator = torch.Generator().manual_seed(0)
    with dropping(generator) as mode:
        values = torch.nn.functional.dropout(torch.ones(100_000), 0.25, training=False)
        same = torch.nn.Dropout(0.0).eval()(torch.ones(3))
    assert (values == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert values.max().item() == pytest.approx(4 / 3) and same.tolist() == [1, 1, 1] and mode.calls == 1
    assert torch.nn.Dropout(0.5).eval()(torch.ones(3)).tolist() == [1, 1, 1]  # outside, nothing drops


def test_a_model_without_dropout_is_refused():
    lm = tiny.gpt2(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    with pytest.raises(NotSupported, match="this model has no dropout"):
        dropout_probabilities(lm, tiny.sequence(lm), 3, 0, tick=no_tick)
