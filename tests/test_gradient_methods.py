"""The gradient methods beyond the plain ones: against captum one target at a time, and by what must add up."""

from __future__ import annotations

import captum.attr
import families
import numpy as np
import pytest
import tiny
import torch

from spaces_app.engine.backward import word_paths
from spaces_app.engine.backward.layers import Layers
from spaces_app.engine.backward.word_paths import Vocabulary, word_path
from spaces_app.engine.contrast import Compared
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.forward import Body
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import METHODS, REDUCTIONS, AttributionRequest
from spaces_app.methods.gradient_shap import draws
from spaces_app.step_functions import STEP_FUNCTIONS

LOGIT, PROBABILITY = STEP_FUNCTIONS["logit"].fn, STEP_FUNCTIONS["probability"].fn
SEVERAL = ["gpt2", "llama", "gemma2", "opt", "gpt_neox", "bart", "t5", "marian"]
PATHS = ("integrated_gradients", "gradient_shap", "discretized_integrated_gradients", "sequential_integrated_gradients")
LAYERED = ("layer_gradient_x_activation", "layer_integrated_gradients")
several = pytest.mark.parametrize("family", SEVERAL)


def raw(values):
    return values


def attribute(name: str, run: ForcedPass, score=PROBABILITY, reduce=raw, **options):
    return METHODS[name].attribute(run, AttributionRequest(score, reduce, **options))


def made(loaded_family, family: str) -> ForcedPass:
    lm = loaded_family(family)
    return ForcedPass(lm, tiny.sequence(lm))


def close(found, expected, tolerance: float = 2e-5) -> bool:
    found, expected = found.nan_to_num(), expected.nan_to_num()
    return bool((found - expected).abs().max() <= tolerance * max(float(expected.abs().max()), 1e-9))


def gradients_at(run: ForcedPass, points) -> torch.Tensor:
    """Gradients (R, n_inputs, D) of the last target's probability at points, one pass each."""
    lm = run.lm
    ids = tuple(tuple(part) for part in tiny.sequence(lm))
    last = run.n_generated - 1
    return torch.stack([tiny.one_step(lm, ids, last, PROBABILITY, point)[1] for point in points])


# --- gradient SHAP ----------------------------------------------------------------------------------------------------


@several
def test_gradient_shap_is_the_mean_over_its_random_points(loaded_family, family):
    run = made(loaded_family, family)
    found = attribute("gradient_shap", run, baseline="unk", n_samples=4, seed=9).scores[-1]
    baseline, (nodes, _) = run.baseline("unk"), draws(4, 9)
    change = run.embeds - baseline
    expected = gradients_at(run, [baseline + node * change for node in nodes]).mean(0) * change
    assert close(found, expected)


def test_gradient_shap_with_noise_multiplies_each_gradient_by_its_own_way(loaded_family):
    run = made(loaded_family, "gpt2")
    found = attribute("gradient_shap", run, baseline="unk", n_samples=3, seed=2, noise=0.1).scores[-1]
    baseline, (nodes, noise) = run.baseline("unk"), draws(3, 2)
    noises = torch.from_numpy(np.stack([noise(index, tuple(run.embeds.shape)) for index in range(3)]))
    ends = run.embeds + 0.1 * noises * (run.embeds != baseline).any(-1)[:, None]
    gradients = gradients_at(run, [baseline + a * (end - baseline) for a, end in zip(nodes, ends, strict=True)])
    assert close(found, (gradients * (ends - baseline)).mean(0))


def test_gradient_shap_draws_by_its_seed_alone():
    assert draws(5, 1)[0] == draws(5, 1)[0] != draws(5, 2)[0]
    nodes, noise = draws(4000, 0)
    first = noise(1, (3, 50))
    assert (first == draws(4000, 0)[1](1, (3, 50))).all() and (first != noise(2, (3, 50))).all()
    assert np.std(first) == pytest.approx(1, abs=0.2)
    assert 0 <= min(nodes) and max(nodes) <= 1 and np.mean(nodes) == pytest.approx(0.5, abs=0.02)


def test_more_samples_bring_gradient_shap_closer_to_the_rise(loaded_family):
    run = made(loaded_family, "bart")
    few, many = (np.abs(attribute("gradient_shap", run, n_samples=n).convergence_gap).mean() for n in (2, 400))
    assert many < few / 2


# --- paths of words ---------------------------------------------------------------------------------------------------


def test_a_path_of_words_begins_at_the_baseline_ends_at_the_word_and_never_turns_back():
    table = torch.randn((200, 6), generator=torch.Generator().manual_seed(4))
    baseline = table[[7, 7, 7]]
    points = word_path(
        Vocabulary.of(table), [3, 90, 7], baseline, special=lambda _: False, n_points=12, n_neighbours=20
    )
    assert torch.equal(points[0], baseline) and torch.equal(points[-1], table[[3, 90, 7]])
    ways = points.diff(dim=0)  # every unit moves in one direction
    assert ((ways >= -1e-6).all(0) | (ways <= 1e-6).all(0)).all()
    assert torch.equal(points[:, 2], table[[7]].expand(12, -1))  # a token that is its own baseline stays
    assert not torch.allclose(points[6], baseline + 6 / 11 * (table[[3, 90, 7]] - baseline), atol=0.1)  # not a line


def test_a_path_goes_over_the_word_that_lies_between():
    table = torch.tensor([[0.0, 0.0], [4.0, 4.0], [2.0, 2.0], [9.0, -9.0], [-5.0, 5.0]])
    points = word_path(Vocabulary.of(table), [1], table[[0]], special=lambda _: False, n_points=3, n_neighbours=4)
    assert points[:, 0].tolist() == [[0, 0], [2, 2], [4, 4]]


def test_finding_the_words_of_a_path_can_be_stopped_at_every_step():
    table = torch.randn((200, 6), generator=torch.Generator().manual_seed(4))
    told = []

    def tick(done: int) -> None:
        told.append(done)
        if len(told) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        word_path(
            Vocabulary.of(table),
            [3, 90],
            table[[7, 7]],
            special=lambda _: False,
            n_points=40,
            n_neighbours=9,
            tick=tick,
        )
    assert told == [0] * 5  # at five steps of the first tokens, none of which was done


def test_a_special_token_stays_where_it_is_until_the_last_step():
    table = torch.randn((50, 4), generator=torch.Generator().manual_seed(1))
    points = word_path(
        Vocabulary.of(table), [3], table[[7]], special=lambda token: token == 3, n_points=5, n_neighbours=9
    )
    assert torch.equal(points[:, 0], table[[7, 3, 3, 3, 3]])


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_a_vocabulary_too_large_to_keep_gives_the_same_path(loaded_family, monkeypatch, family):
    run = made(loaded_family, family)
    asked = {"n_points": 9, "n_neighbours": 20}
    expected = word_paths.path_of(run, run.baseline("unk"), **asked)
    for name, value in {"HELD": 0, "ROWS": 37, "WORKING": 1}.items():  # looked up, in parts, one token at a time
        monkeypatch.setattr(word_paths, name, value)
    assert torch.equal(word_paths.path_of(run, run.baseline("unk"), **asked), expected)


def test_the_nearest_words_are_those_of_exact_distances_however_far_from_zero_they_lie():
    table = 1000 + torch.randn((300, 8), generator=torch.Generator().manual_seed(3))  # quick distances lose digits
    own = torch.tensor([5, 250])
    found, anchors = word_paths._nearest(Vocabulary.of(table), own, table[own], 4)
    distances = (table.double()[own][:, None] - table.double()).pow(2).sum(-1)
    assert found.tolist() == distances.argsort(1)[:, 1:5].tolist()
    assert torch.equal(anchors, table[found])


@several
def test_discretized_gradients_are_taken_at_every_point_times_the_way_to_the_next(loaded_family, family):
    run = made(loaded_family, family)
    found = attribute("discretized_integrated_gradients", run, baseline="unk", n_steps=6).scores[-1]
    points = word_paths.path_of(run, run.baseline("unk"), n_points=6, n_neighbours=50)
    assert close(found, (gradients_at(run, points[:-1]) * points.diff(dim=0)).sum(0))


# --- one token at a time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [name for name in SEVERAL if name != "t5"])  # too sharp to integrate in 120 points
def test_a_tokens_sequential_share_is_what_occluding_it_costs(loaded_family, family):
    run = made(loaded_family, family)
    options = {"baseline": "unk", "reduce": REDUCTIONS["sum"]}
    falls = attribute("occlusion", run, **options).scores
    few, many = (attribute("sequential_integrated_gradients", run, n_steps=n, **options).scores for n in (10, 120))
    assert close(many, falls, 0.06)  # what 120 points leave on these sharp random models
    missed = [(shares - falls).nan_to_num().abs().sum() for shares in (few, many)]
    assert missed[1] < missed[0] / 2


def test_a_model_with_nothing_to_move_has_shares_of_zero(loaded_family):
    lm = loaded_family("gpt2")
    run = ForcedPass(lm, ((), (lm.facts.unk_id,), (5,)))
    scores = attribute("sequential_integrated_gradients", run, baseline="unk", n_steps=3).scores
    assert (scores == 0).all()


# --- DeepLIFT ---------------------------------------------------------------------------------------------------------


def test_deeplift_of_a_smooth_model_is_the_gradient_times_the_change(loaded_family):
    run = made(loaded_family, "llama")
    gradient = gradients_at(run, [run.embeds])[0]
    found = attribute("deeplift", run, baseline="unk").scores[-1]
    assert close(found, gradient * (run.embeds - run.baseline("unk")))


@pytest.mark.parametrize("family", ["opt", "t5"])
def test_deeplift_rescales_relu_as_captum_does(loaded_family, family):
    run = made(loaded_family, family)
    lm, n_source = run.lm, run.sequence.n_source
    baseline = run.baseline("unk")

    class Whole(torch.nn.Module):
        """The last target's probability from embeddings, with the model's own modules below."""

        def __init__(self):
            super().__init__()
            self.model = lm.model

        def forward(self, embeds):
            if n_source:
                states = self.model.get_encoder()(inputs_embeds=embeds[:, :n_source])
                own = {"encoder_outputs": states, "decoder_inputs_embeds": embeds[:, n_source:]}
            else:
                own = {"inputs_embeds": embeds}
            logits = self.model(**own, use_cache=False).logits[:, -1]
            return logits.softmax(-1)[:, int(run.sequence.targets[-1])]

    before = {name: len(module._forward_hooks) for name, module in lm.model.named_modules()}
    expected = captum.attr.DeepLift(Whole()).attribute(run.embeds[None], baselines=baseline[None])[0].detach()
    found = attribute("deeplift", run, baseline="unk").scores[-1]
    assert close(found, expected, 1e-4)
    plain = attribute("input_x_gradient", run).scores[-1] / run.embeds * (run.embeds - baseline)
    assert not close(found, plain, 0.01)  # the rule made a difference
    assert {name: len(module._forward_hooks) for name, module in lm.model.named_modules()} == before


# --- layers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", families.FAMILIES)
def test_layer_scores_of_every_family_are_those_of_single_layers_and_their_mean(loaded_family, family):
    run = made(loaded_family, family)
    for name in LAYERED:
        options = {"reduce": REDUCTIONS["sum"], "n_steps": 5, "baseline": "zero"}
        every = attribute(name, run, **options)
        axes, by_layer = every.parts["layer_attributions"]
        alone = [attribute(name, run, layer=str(layer), **options).scores for layer in axes["layer"]]
        assert len(alone) == Layers(run).count >= 2
        assert all(close(part, one, 1e-4) for part, one in zip(by_layer, alone, strict=True))
        assert close(every.scores, torch.stack(alone).mean(0), 1e-4)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma"])
def test_layer_gradients_equal_captums(loaded_family, family):
    run = made(loaded_family, family)
    block = run.body.adapter.blocks[0]

    def probability(embeds):
        logits = run.lm.model(inputs_embeds=embeds, use_cache=False).logits[:, -1]
        return logits.softmax(-1)[:, int(run.sequence.targets[-1])]

    theirs = captum.attr.LayerGradientXActivation(probability, block).attribute(run.embeds[None])
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    found = attribute("layer_gradient_x_activation", run, layer="0").scores[-1]
    assert close(found, theirs[0].detach(), 1e-4)
    baseline = run.baseline("unk")
    theirs = captum.attr.LayerIntegratedGradients(probability, block).attribute(
        run.embeds[None], baselines=baseline[None], n_steps=7
    )
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    found = attribute("layer_integrated_gradients", run, layer="0", baseline="unk", n_steps=7).scores[-1]
    assert close(found, theirs[0].detach(), 1e-4)


@pytest.mark.parametrize("family", ["gpt2", "bart", "t5"])
def test_layer_integrated_gradients_add_up_to_the_rise_at_every_layer(loaded_family, family):
    run = made(loaded_family, family)
    for layer in range(Layers(run).count):
        options = {"reduce": REDUCTIONS["sum"], "n_steps": 150, "layer": str(layer)}
        answer = attribute("layer_integrated_gradients", run, LOGIT, baseline="unk", **options)
        size = np.maximum(np.abs(answer.explained), 0.1)
        assert (np.abs(answer.convergence_gap) <= 0.03 * size).all(), layer


def test_a_layer_the_model_lacks_and_a_model_without_layers_are_refused(loaded_family):
    with pytest.raises(SpecError, match="^layer: "):
        attribute("layer_gradient_x_activation", made(loaded_family, "gpt2"), layer="7")
    table = tiny.LinearModel([[0, 0], [3, 1]], [[0, 0], [1, 0]])
    with pytest.raises(NotSupported, match="not built of transformer blocks"):
        attribute("layer_gradient_x_activation", ForcedPass(tiny.wrapped(table, eos_ids=(0,)), ((), (1,), (1,))))


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "t5"])
@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.family == "gradient"])
def test_every_gradient_method_explains_the_difference_of_two_tokens_at_one_place(loaded_family, name, family):
    """Signed and linear in the score: the map of A − B is the map of A minus the map of B."""
    run = made(loaded_family, family)
    foils = (run.sequence.targets + 3) % run.lm.facts.d_vocab

    def both(logits, targets, others, theirs):
        return LOGIT(logits, targets) - LOGIT(others, theirs)

    def foil(_logits, _targets, others, theirs):
        return LOGIT(others, theirs)

    options = {"n_steps": 3, "n_samples": 3}
    difference = attribute(name, run, Compared(both, foils), **options).scores
    a, b = attribute(name, run, LOGIT, **options).scores, attribute(name, run, Compared(foil, foils), **options).scores
    assert close(difference, a - b, 1e-4) if METHODS[name].signed else not close(difference, a - b, 1e-3)


@pytest.mark.parametrize("name", [*PATHS, *LAYERED, "deeplift"])
def test_smaller_chunks_change_no_score(loaded_family, name):
    lm = loaded_family("gpt2")
    ids, options = tiny.sequence(lm), {"n_steps": 4, "n_samples": 4}
    whole = attribute(name, ForcedPass(lm, ids), **options).scores
    run = ForcedPass(lm, ids)
    run.budget = type(run.budget)(1, 1, 1, 1, 1, 1)  # one row at a time
    assert close(attribute(name, run, **options).scores, whole, 1e-4)


@pytest.mark.parametrize("name", [*PATHS[1:], *LAYERED, "deeplift"])
def test_out_of_memory_halves_the_chunk_and_the_scores_stay(loaded_family, monkeypatch, name):
    run = made(loaded_family, "gpt2")
    options = {"n_steps": 2, "n_samples": 2}
    expected = attribute(name, run, **options).scores
    sizes, decode = [], Body.decode

    def limited(self, steps, embeds=None, **others):
        wide = (1 if embeds is None else len(embeds)) * (steps.stop - steps.start)
        sizes.append(wide)
        if torch.is_grad_enabled() and wide > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return decode(self, steps, embeds, **others)

    monkeypatch.setattr(Body, "decode", limited)
    assert close(attribute(name, made(loaded_family, "gpt2"), **options).scores, expected, 1e-4)
    assert max(sizes) > 3
